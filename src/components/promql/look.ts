import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { Extension } from '@codemirror/state';
import { Decoration, EditorView, MatchDecorator, ViewPlugin, ViewUpdate } from '@codemirror/view';
import { GrafanaTheme2 } from '@grafana/data';
import { tags } from '@lezer/highlight';

import { variablePattern } from './variables';

/** The editor in Grafana's own colours, out of its theme. */
export function look(theme: GrafanaTheme2): Extension {
  const { colors, components, shape, spacing, typography, shadows, zIndex } = theme;
  const frame = EditorView.theme(
    {
      '&': {
        backgroundColor: components.input.background,
        color: components.input.text,
        border: `1px solid ${components.input.borderColor}`,
        borderRadius: shape.radius.default,
        fontSize: typography.bodySmall.fontSize,
      },
      '&:hover': { borderColor: components.input.borderHover },
      '&.cm-focused': { outline: `2px solid ${colors.primary.main}`, outlineOffset: '1px' },
      '.cm-scroller': { fontFamily: typography.fontFamilyMonospace, lineHeight: 1.6 },
      '.cm-content': { padding: spacing(0.5, 0), caretColor: colors.text.primary, minHeight: spacing(4) },
      '.cm-line': { padding: spacing(0, 1) },
      '.cm-placeholder': { color: colors.text.disabled },
      '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { backgroundColor: colors.action.selected },
      '.cm-variable': { color: colors.info.text, fontWeight: typography.fontWeightMedium },
      '.cm-tooltip': {
        backgroundColor: colors.background.primary,
        color: colors.text.primary,
        border: `1px solid ${colors.border.medium}`,
        borderRadius: shape.radius.default,
        boxShadow: shadows.z3,
        zIndex: zIndex.portal,
      },
      '.cm-tooltip.cm-tooltip-autocomplete > ul': {
        fontFamily: typography.fontFamilyMonospace,
        fontSize: typography.bodySmall.fontSize,
        maxHeight: spacing(32),
      },
      '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: spacing(0.5, 1), lineHeight: 1.4 },
      '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
        backgroundColor: colors.action.selected,
        color: colors.text.primary,
      },
      '.cm-completionMatchedText': { color: colors.text.link, textDecoration: 'none', fontWeight: 'bold' },
      '.cm-completionDetail': { color: colors.text.secondary, fontStyle: 'normal' },
      '.cm-completionIcon': { color: colors.text.secondary },
      '.cm-tooltip.cm-completionInfo': {
        padding: spacing(1),
        maxWidth: spacing(50),
        fontFamily: typography.fontFamily,
        fontSize: typography.bodySmall.fontSize,
      },
      '.cm-diagnostic': { padding: spacing(0.5, 1), fontFamily: typography.fontFamily },
      '.cm-diagnostic-error': { borderLeft: `3px solid ${colors.error.border}` },
    },
    { dark: theme.isDark }
  );
  const words = HighlightStyle.define([
    { tag: [tags.keyword, tags.modifier, tags.operatorKeyword], color: colors.warning.text },
    { tag: [tags.function(tags.variableName), tags.macroName], color: colors.text.link },
    { tag: tags.string, color: colors.success.text },
    { tag: [tags.number, tags.bool, tags.special(tags.number)], color: colors.warning.text },
    { tag: [tags.labelName, tags.propertyName], color: colors.text.secondary },
    { tag: tags.comment, color: colors.text.secondary, fontStyle: 'italic' },
    { tag: tags.invalid, color: colors.error.text },
  ]);
  return [frame, syntaxHighlighting(words), variables];
}

const marker = new MatchDecorator({ regexp: variablePattern, decoration: Decoration.mark({ class: 'cm-variable' }) });

/** Variables stand out also where the grammar, which does not know them, sees a mistake. */
const variables = ViewPlugin.define(
  (view) => {
    let decorations = marker.createDeco(view);
    return {
      update: (update: ViewUpdate) => {
        decorations = marker.updateDeco(update, decorations);
      },
      get decorations() {
        return decorations;
      },
    };
  },
  { decorations: (plugin) => plugin.decorations }
);
