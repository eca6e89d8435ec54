import { Tag, TagPicker, TagPickerControl, TagPickerGroup, TagPickerInput, TagPickerList, TagPickerOption } from "@fluentui/react-components";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, body } from "../../api";
import { NodeText } from "./NodeName";

/** Nodes as a field: found by what they are called. */
export function NodePicker({ nodes, onChange, label = "Nodes to ask" }: { nodes: string[]; onChange: (ids: string[]) => void; label?: string }) {
  const [text, setText] = useState("");
  const found = useQuery({ queryKey: ["pick-nodes", text], placeholderData: keepPreviousData, queryFn: ({ signal }) => body(api.GET("/api/nodes", { params: { query: { q: text || undefined, sort: "name", take: 20 } }, signal })) });
  const offered = (found.data?.items ?? []).filter((node) => !nodes.includes(node.id));
  return (
    <TagPicker selectedOptions={nodes} onOptionSelect={(_, data) => { if (data.value) onChange(data.selectedOptions); setText(""); }}>
      <TagPickerControl>
        <TagPickerGroup aria-label={label}>{nodes.map((id) => <Tag key={id} value={id} size="small" shape="rounded"><NodeText id={id} /></Tag>)}</TagPickerGroup>
        <TagPickerInput aria-label={label} value={text} placeholder={nodes.length === 0 ? "Find nodes by name" : undefined} onChange={(event) => setText(event.target.value)} />
      </TagPickerControl>
      <TagPickerList>
        {offered.map((node) => <TagPickerOption key={node.id} value={node.id} secondaryContent={node.status}>{node.displayName}</TagPickerOption>)}
        {offered.length === 0 && <TagPickerOption value="">No node is called that</TagPickerOption>}
      </TagPickerList>
    </TagPicker>
  );
}
