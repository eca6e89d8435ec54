import { Tag, TagPicker, TagPickerControl, TagPickerGroup, TagPickerInput, TagPickerList, TagPickerOption } from "@fluentui/react-components";
import { useRef, useState } from "react";
import { use } from "../api";

interface Props {
  name: string;
  tags: readonly string[];
  onChange: (tags: string[]) => void;
  disabled?: boolean;
  placeholder?: string;
}

/** Tags as a field: the known ones are suggested, a new one is made by Enter or a comma. */
export function TagEditor({ name, tags, onChange, disabled, placeholder = "Add a tag" }: Props) {
  const [text, setText] = useState("");
  // Enter takes what was typed, unless one has gone on to something that is offered.
  const hasMoved = useRef(false);
  const known = use.useQuery("get", "/api/tags", { params: { query: { q: text || undefined, take: 20 } } }, { enabled: !disabled, staleTime: 30_000 });
  const add = (typed: string) => {
    const added = typed.split(",").map((one) => one.trim()).filter((one) => one && !tags.includes(one));
    if (added.length > 0) onChange([...tags, ...added]);
    setText("");
  };
  const offered = (known.data?.items ?? []).map((tag) => tag.name).filter((tag) => !tags.includes(tag));
  const isNew = text.trim() !== "" && !offered.includes(text.trim()) && !tags.includes(text.trim());
  return (
    <TagPicker selectedOptions={[...tags]} disabled={disabled} onOptionSelect={(_, data) => { if (data.value !== "") onChange(data.selectedOptions); setText(""); }}>
      <TagPickerControl>
        <TagPickerGroup aria-label={name}>{tags.map((tag) => <Tag key={tag} value={tag} size="small" shape="rounded" dismissible={!disabled}>{tag}</Tag>)}</TagPickerGroup>
        <TagPickerInput aria-label={name} value={text} placeholder={tags.length === 0 ? placeholder : undefined} onChange={(event) => { hasMoved.current = false; (event.target.value.includes(",") ? add(event.target.value) : setText(event.target.value)); }}
          onKeyDown={(event) => { if (event.key.startsWith("Arrow")) hasMoved.current = true; else if (event.key === "Enter" && text.trim() && !hasMoved.current) { event.preventDefault(); event.stopPropagation(); add(text); } }} onBlur={() => text.trim() && add(text)} />
      </TagPickerControl>
      <TagPickerList>
        {isNew && <TagPickerOption value={text.trim()} key={text}>{`New tag “${text.trim()}”`}</TagPickerOption>}
        {offered.map((tag) => <TagPickerOption key={tag} value={tag}>{tag}</TagPickerOption>)}
        {!isNew && offered.length === 0 && <TagPickerOption value="">{text ? "It is there already" : "Type a name to make a tag"}</TagPickerOption>}
      </TagPickerList>
    </TagPicker>
  );
}
