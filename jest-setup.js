import './.config/jest-setup';

import { configure } from '@testing-library/react';

// Testing Library's own default, times what a slow machine asks for.
configure({ asyncUtilTimeout: 1_000 * (Number(process.env.TEST_TIMEOUT_FACTOR) || 1) });

// What Grafana's menus need and jsdom lacks: they measure their options, draw those that fit, and watch the scrolling.
HTMLCanvasElement.prototype.getContext = () => ({ measureText: (text) => ({ width: 8 * text.length }) });
for (const side of ['clientWidth', 'clientHeight']) {
  Object.defineProperty(HTMLElement.prototype, side, { get: () => 400 });
}
global.IntersectionObserver = class {
  observe() {}
  unobserve() {}
  disconnect() {}
};
// CodeMirror measures its text by ranges.
Range.prototype.getClientRects = () => [];
Range.prototype.getBoundingClientRect = () => new DOMRect();
