import { ensureSyntaxTree } from '@codemirror/language';
import { Diagnostic } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { LanguageType, LintStrategy, PromQLExtension, promQLLanguage } from '@prometheus-io/codemirror-promql';

import { maskVariables, touches } from './variables';

const language = promQLLanguage(LanguageType.PromQL);
const prometheus = new PromQLExtension().getLinter();

/** How long reading an expression may take, in milliseconds; the longest that is accepted takes a fraction of it. */
const patience = 1000;

/** A state whose tree covers all of a text: CodeMirror by itself gives a new state 20 ms, and leaves the rest for later. */
export function parsed(doc: string): EditorState {
  const state = EditorState.create({ doc, extensions: [language] });
  ensureSyntaxTree(state, doc.length, patience);
  return state.update({}).state; // which takes over what was read
}

/** What Prometheus' own editor finds wrong with an expression, variables aside: what they stand for is not known here. */
export async function problems(expr: string): Promise<Diagnostic[]> {
  if (!expr.trim()) {
    return [];
  }
  const { text, variables } = maskVariables(expr);
  const state = parsed(text);
  // The linter reads the state of a view and nothing else.
  const found = await prometheus.promQL.call(prometheus)({ state } as EditorView);
  return found.filter((problem) => !touches(problem, variables));
}

export const linter: LintStrategy = {
  promQL: () => (view) => problems(view.state.doc.toString()),
};
