import { KeyboardEvent, useRef } from 'react';

/**
 * Tells what a menu's user types from what they choose in it: what was typed or pasted counts, unless they went to an option.
 * Grafana's menus take the option at hand instead, which until the search is back may be one of the list before it, or none.
 */
export function useTyped() {
  const atOption = useRef(false);
  return {
    isAtOption: () => atOption.current,
    goToOption: () => {
      atOption.current = true;
    },
    goToText: () => {
      atOption.current = false;
    },

    /** What this key enters: the text of the field, or nothing when that is not what the user means. */
    entered({ key, target }: KeyboardEvent): string {
      if (key === 'Enter') {
        return atOption.current ? '' : textOf(target);
      }
      if (key === 'ArrowDown' || key === 'ArrowUp') {
        atOption.current = true;
      } else if (key !== 'Tab') {
        atOption.current = false; // they search on
      }
      return '';
    },
  };
}

export function textOf(field: EventTarget): string {
  return field instanceof HTMLInputElement ? field.value.trim() : '';
}
