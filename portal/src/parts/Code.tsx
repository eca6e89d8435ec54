import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json, jsonParseLinter } from "@codemirror/lang-json";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { linter, lintGutter } from "@codemirror/lint";
import { unifiedMergeView } from "@codemirror/merge";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers, placeholder as placeholderText } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";

const colors = syntaxHighlighting(HighlightStyle.define([
  { tag: [tags.keyword, tags.bool, tags.null], color: "var(--code-keyword)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-string)" },
  { tag: tags.number, color: "var(--code-number)" },
  { tag: [tags.propertyName, tags.typeName, tags.special(tags.name)], color: "var(--code-name)" },
  { tag: tags.comment, color: "var(--code-comment)", fontStyle: "italic" },
]));

const look = EditorView.theme({
  "&": { backgroundColor: "transparent", color: "inherit", fontSize: "13px" },
  "&.cm-focused": { outline: "none" },
  ".cm-content": { fontFamily: "var(--fontFamilyMonospace)", caretColor: "currentColor", padding: "8px 0" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--colorNeutralForeground3)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--code-line)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--code-selection)" },
  ".cm-tooltip": { backgroundColor: "var(--colorNeutralBackground1)", color: "var(--colorNeutralForeground1)", border: "1px solid var(--colorNeutralStroke1)", borderRadius: "4px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--colorBrandBackground)", color: "var(--colorNeutralForegroundOnBrand)" },
  ".cm-completionDetail": { fontStyle: "normal", opacity: "0.75" },
  ".cm-cursor": { borderLeftColor: "currentColor" },
});

const basics: Extension = [
  history(), drawSelection(), bracketMatching(), closeBrackets(), colors, look, EditorView.lineWrapping,
  keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap]),
];

interface Props {
  /** What it holds, for people who hear the page. */
  label: string;
  value: string;
  onChange?: (text: string) => void;
  /** The language, and what comes with it. */
  language?: Extension;
  /** Ctrl-Enter. */
  onRun?: () => void;
  /** Where the cursor stands. */
  onCursor?: (position: number) => void;
  placeholder?: string;
  minHeight?: string;
  maxHeight?: string;
  readOnly?: boolean;
  id?: string;
}

/** A text editor for code. Tab completes where something is offered, and else leaves the field. */
export function CodeEditor({ label, value, onChange, language = [], onRun, onCursor, placeholder, minHeight = "120px", maxHeight = "50vh", readOnly = false, id }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const languages = useRef(new Compartment());
  const calls = useRef({ onChange, onRun, onCursor });
  calls.current = { onChange, onRun, onCursor };

  useEffect(() => {
    view.current = new EditorView({
      parent: host.current!,
      state: EditorState.create({
        doc: value,
        extensions: [
          keymap.of([{ key: "Mod-Enter", run: () => (calls.current.onRun?.(), calls.current.onRun !== undefined) }, { key: "Tab", run: acceptCompletion }]),
          basics, languages.current.of(language), autocompletion({ activateOnTyping: true }),
          EditorView.contentAttributes.of({ "aria-label": label, ...(id ? { id } : {}) }),
          EditorState.readOnly.of(readOnly), EditorView.editable.of(!readOnly),
          ...(readOnly ? [EditorView.contentAttributes.of({ tabindex: "0" })] : [highlightActiveLine()]),
          ...(placeholder ? [placeholderText(placeholder)] : []),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) calls.current.onChange?.(update.state.doc.toString());
            if (update.docChanged || update.selectionSet) calls.current.onCursor?.(update.state.selection.main.head);
          }),
        ],
      }),
    });
    return () => view.current?.destroy();
  }, [label, readOnly]);

  useEffect(() => view.current?.dispatch({ effects: languages.current.reconfigure(language) }), [language]);
  useEffect(() => {
    const editor = view.current;
    if (editor && editor.state.doc.toString() !== value) editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  return <div ref={host} className="code" style={{ "--code-min": minHeight, "--code-max": maxHeight } as React.CSSProperties} />;
}

const jsonLanguage: Extension = [json(), linter(jsonParseLinter()), lintGutter(), lineNumbers()];

/** JSON, with its mistakes marked while it is written. */
export const JsonEditor = (props: Omit<Props, "language">) => <CodeEditor {...props} language={jsonLanguage} />;

/** What changed between two texts. */
export function Diff({ before, after, label }: { before: string; after: string; label: string }) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const view = new EditorView({
      parent: host.current!,
      state: EditorState.create({
        doc: after,
        extensions: [
          colors, look, json(), lineNumbers(), EditorView.lineWrapping, EditorState.readOnly.of(true), EditorView.editable.of(false),
          EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
          unifiedMergeView({ original: before, mergeControls: false, collapseUnchanged: { margin: 3, minSize: 6 } }),
        ],
      }),
    });
    return () => view.destroy();
  }, [before, after, label]);
  return <div ref={host} className="code diff" />;
}

/** JSON as people read it. */
export const pretty = (value: unknown) => JSON.stringify(value, null, 2) ?? "";
