import React from 'react';

interface Props {
  name: string;
  value: unknown;
}

/** What the page knows, as JSON, for the tests to read. */
export function Shown({ name, value }: Props) {
  return (
    <section aria-label={name}>
      <pre>{JSON.stringify(value, undefined, 1)}</pre>
    </section>
  );
}
