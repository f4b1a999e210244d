// What jest-environment.js keeps must not outlive a change of the page.
const shown = (element: Element) => {
  const { visibility, display } = getComputedStyle(element);
  return { visibility, display };
};

describe('the style of an element follows', () => {
  const outer = document.createElement('div');
  const inner = document.createElement('div');
  const sheet = document.createElement('style');
  beforeEach(() => {
    sheet.textContent = '.hidden { visibility: hidden } .gone { display: none } div:focus { display: flex }';
    document.head.replaceChildren(sheet);
    outer.replaceChildren(inner);
    document.body.replaceChildren(outer);
    outer.className = inner.className = '';
    inner.tabIndex = 0;
    expect(shown(inner)).toEqual({ visibility: 'visible', display: 'block' });
  });

  test('its classes, and those of what it stands in', () => {
    inner.className = 'gone';
    outer.className = 'hidden';
    expect(shown(inner)).toEqual({ visibility: 'hidden', display: 'none' });
    inner.className = outer.className = '';
    expect(shown(inner)).toEqual({ visibility: 'visible', display: 'block' });
  });

  test('its own style', () => {
    inner.style.display = 'none';
    expect(shown(inner).display).toBe('none');
    inner.removeAttribute('style');
    expect(shown(inner).display).toBe('block');
  });

  test('style sheets that come, change and go', () => {
    const more = document.createElement('style');
    more.textContent = 'div { display: grid }';
    document.head.append(more);
    expect(shown(inner).display).toBe('grid');
    more.textContent = 'div { display: none }';
    expect(shown(inner).display).toBe('none');
    more.remove();
    expect(shown(inner).display).toBe('block');
  });

  test('where it stands', () => {
    outer.className = 'hidden';
    expect(shown(inner).visibility).toBe('hidden');
    document.body.append(inner);
    expect(shown(inner).visibility).toBe('visible');
    inner.remove();
    inner.className = 'gone';
    expect(shown(inner).display).toBe('none');
  });

  test('the focus', () => {
    inner.focus();
    expect(shown(inner).display).toBe('flex');
    inner.blur();
    expect(shown(inner).display).toBe('block');
  });
});
