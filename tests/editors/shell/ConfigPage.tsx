import React, { ComponentType, FormEvent, useEffect, useState } from 'react';
import { DataSourceApi, DataSourcePluginOptionsEditorProps, DataSourceSettings } from '@grafana/data';
import { getDataSourceSrv } from '@grafana/runtime';
import { Alert, Button } from '@grafana/ui';

import { backendSrv } from './api';
import { Shown } from './Shown';

interface Props {
  Editor: ComponentType<DataSourcePluginOptionsEditorProps>;
  url: string;
}

type Health = Awaited<ReturnType<DataSourceApi['testDatasource']>>;

/** A data source's settings: they are saved, read back without their secrets, and tested. */
export function ConfigPage({ Editor, url }: Props) {
  const [options, setOptions] = useState<DataSourceSettings>();
  const [health, setHealth] = useState<Health>();
  useEffect(() => {
    backendSrv.get(url).then(setOptions);
  }, [url]);
  if (!options) {
    return null;
  }
  const saveAndTest = async (event: FormEvent) => {
    event.preventDefault();
    await backendSrv.put(url, options);
    setOptions(await backendSrv.get(url));
    const datasource: DataSourceApi = await getDataSourceSrv().get();
    setHealth(await datasource.testDatasource().catch((error) => ({ status: 'error', ...error })));
  };
  return (
    <form onSubmit={saveAndTest}>
      <Editor options={options} onOptionsChange={setOptions} />
      {health && (
        <Alert severity={health.status === 'success' ? 'success' : 'error'} title={health.message}>
          {health.details?.message}
          <pre>{health.details?.verboseMessage}</pre>
        </Alert>
      )}
      <Button type="submit">Save &amp; test</Button>
      <Shown name="Settings" value={options} />
    </form>
  );
}
