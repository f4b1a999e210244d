import React, { useEffect, useRef } from 'react';
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching } from '@codemirror/language';
import { Compartment, EditorState, Prec } from '@codemirror/state';
import { EditorView, keymap, placeholder, tooltips } from '@codemirror/view';
import { useTheme2 } from '@grafana/ui';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';

import { CompletionSource, LiveCompletion } from './complete';
import { linter, problems } from './lint';
import { look } from './look';

export interface Props {
  id: string;
  label: string;
  placeholder: string;
  value: string;
  /** The text when the editor is left, or run. */
  onCommit: (text: string) => void;
  /** Shift-Enter or Ctrl-Enter: asks once more, also when nothing was changed. */
  onRun: () => void;
  /** What is wrong with a text that was committed; undefined when nothing is. */
  onMistake: (message: string | undefined) => void;
  completion: CompletionSource;
}

/**
 * Prometheus' own editor on CodeMirror. Tab leaves it, as it leaves every field: it indents nothing. It is a chunk of its own,
 * loaded when a query of this kind is opened.
 */
export default function PromQLCode(props: Props) {
  const theme = useTheme2();
  const parent = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef(props);
  const dressing = useRef(new Compartment());
  const { id, label, value } = props;

  useEffect(() => {
    latest.current = props;
  });

  useEffect(() => {
    if (!parent.current) {
      return;
    }
    const commit = () => {
      const text = editor.state.doc.toString();
      const { value: saved, onCommit, onMistake } = latest.current;
      void problems(text).then(([first]) => onMistake(first?.message));
      if (text !== saved) {
        onCommit(text);
      }
      return text !== saved;
    };
    const run = () => {
      if (!commit()) {
        latest.current.onRun();
      }
      return true;
    };
    const completion = new LiveCompletion({
      lists: latest.current.completion.lists,
      ask: () => latest.current.completion.ask(),
      variables: () => latest.current.completion.variables(),
      onProblem: (error) => latest.current.completion.onProblem(error),
    });
    const editor = new EditorView({
      parent: parent.current,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          history(),
          closeBrackets(),
          bracketMatching(),
          // An open list takes the next key, as in Grafana's own editors, not one after 75 ms.
          autocompletion({ aboveCursor: false, interactionDelay: 0 }),
          new PromQLExtension().setComplete({ completeStrategy: completion }).setLinter(linter).asExtension(),
          Prec.highest(
            keymap.of([
              { key: 'Shift-Enter', run },
              { key: 'Mod-Enter', run },
            ])
          ),
          keymap.of([...completionKeymap, ...closeBracketsKeymap, ...historyKeymap, ...defaultKeymap]),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ id, 'aria-label': label, tabindex: '0' }),
          EditorView.domEventHandlers({ blur: () => void commit() }),
          placeholder(latest.current.placeholder),
          tooltips({ parent: document.body }),
          dressing.current.of([]),
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
  }, [id, label]);

  useEffect(() => {
    view.current?.dispatch({ effects: dressing.current.reconfigure(look(theme)) });
  }, [theme, id, label]);

  // A value that comes from elsewhere, such as the history, replaces what stands there.
  useEffect(() => {
    const doc = view.current?.state.doc;
    if (doc && doc.toString() !== value) {
      view.current?.dispatch({ changes: { from: 0, to: doc.length, insert: value } });
    }
  }, [value]);

  return <div ref={parent} />;
}
