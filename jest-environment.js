/**
 * jsdom matches an element and all that it stands in against every rule of every style sheet anew whenever a style is asked
 * for, which was most of what the editors' tests cost. Here the rules that match are kept until something on the page changes.
 * This comes first: jsdom's other modules take the function when they load.
 */
const styleRules = require('jsdom/lib/jsdom/living/helpers/style-rules');

const { forEachMatchingSheetRuleOfElement: match } = styleRules;
const matching = new Map();
let changes;
let focused;

styleRules.forEachMatchingSheetRuleOfElement = (element, handle) => {
  const { isConnected, _ownerDocument: page } = element;
  if (!changes || !isConnected) {
    match(element, handle); // nobody would see it change
    return;
  }
  if (changes.takeRecords().length || focused !== page.activeElement) {
    focused = page.activeElement;
    matching.clear();
  }
  if (!matching.has(element)) {
    const rules = [];
    match(element, (rule) => rules.push(rule));
    matching.set(element, rules);
  }
  matching.get(element).forEach(handle);
};

const { TestEnvironment } = require('jest-environment-jsdom');

module.exports = class extends TestEnvironment {
  constructor(...given) {
    super(...given);
    changes = new this.global.MutationObserver(() => matching.clear());
    changes.observe(this.global.document, { attributes: true, characterData: true, childList: true, subtree: true });
  }

  async teardown() {
    changes.disconnect();
    changes = focused = undefined;
    matching.clear();
    await super.teardown();
  }
};
