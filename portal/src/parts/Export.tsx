import { Button, Menu, MenuItemLink, MenuList, MenuPopover, MenuTrigger } from "@fluentui/react-components";
import { ArrowDownloadRegular } from "@fluentui/react-icons";
import { address } from "../api";

/** Everything that matches, as a file that the browser writes as it comes. */
export function ExportMenu({ path, query, label = "Export" }: { path: string; query: Record<string, string | number | boolean | undefined | null>; label?: string }) {
  return (
    <Menu>
      <MenuTrigger disableButtonEnhancement><Button icon={<ArrowDownloadRegular />}>{label}</Button></MenuTrigger>
      <MenuPopover>
        <MenuList>
          <MenuItemLink href={address(path, { ...query, format: "csv" })} download>CSV, for spreadsheets</MenuItemLink>
          <MenuItemLink href={address(path, { ...query, format: "ndjson" })} download>NDJSON, a line of JSON a row</MenuItemLink>
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}
