/** A dashboard's variable as people write it: $name, ${name:format} or [[name]]. */
const written = String.raw`\$\w+|\$\{[^}]*\}|\[\[\w+(?::\w+)?\]\]`;

/** Strings and comments, in which a variable needs no care, or a variable. */
const pattern = new RegExp(
  String.raw`"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|` + '`[^`]*`' + String.raw`|#.*|(${written})`,
  'g'
);

export const variablePattern = new RegExp(written, 'g');

export interface Span {
  from: number;
  to: number;
}

/** Between brackets stand durations, whatever is around them. */
const inBrackets = /\[[^\]]*$/;

/** What follows the name of a metric, a function or a label. */
const named = /^(?:[\w:{([]|\s*(?:=|!=|=~|!~)\s*["'`])/;

/** What stands before a name in a list of labels, such as "by (". */
const labelList = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*$/;

/**
 * Puts in the place of every variable something of the same length that PromQL can read, so that the rest can be checked: a
 * name where a name belongs, else a number with a unit, which is both a number and a duration.
 */
export function maskVariables(expr: string): { text: string; variables: Span[] } {
  const variables: Span[] = [];
  const text = expr.replace(pattern, (whole: string, variable: string | undefined, from: number) => {
    if (variable === undefined) {
      return whole;
    }
    const to = from + whole.length;
    variables.push({ from, to });
    const before = expr.slice(0, from);
    const after = expr.slice(to);
    const name = !inBrackets.test(before) && (/[\w:]$/.test(before) || named.test(after) || labelList.test(before));
    return name ? 'a'.repeat(whole.length) : '1'.repeat(whole.length - 1) + 's';
  });
  return { text, variables };
}

/** Whether a fault may be the fault of what was put in a variable's place. */
export function touches({ from, to }: Span, variables: Span[]): boolean {
  return variables.some((variable) => from < variable.to && variable.from < Math.max(to, from + 1));
}
