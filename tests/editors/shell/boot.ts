/** What Grafana writes into its page before any script: @grafana/runtime reads it while it loads, so this comes first. */
export const params = new URLSearchParams(document.location.search);

Object.assign(window, {
  __grafana_public_path__: '/public/',
  grafanaBootData: {
    settings: { buildInfo: { version: '13.1.1', commit: '', env: 'production' } },
    user: { theme: params.get('theme') ?? 'dark' },
    navTree: [],
  },
});
