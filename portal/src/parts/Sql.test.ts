import { expect, test } from "vitest";
import { tableAt } from "./Sql";

const tables = ["processes", "users"].map((name) => ({ name, platforms: [], evented: false, aliases: [], sensitive: false, columns: [] }));
const sql = "select * from processes join users using (uid)";

test.each([[0, "processes"], [20, "processes"], [30, "users"], [sql.length, "users"]])("with the cursor at %i the table beside it is %s", (cursor, name) => expect(tableAt(sql, cursor, tables)?.name).toBe(name));

test("where no table is named there is none", () => expect(tableAt("select 1", 3, tables)).toBeUndefined());
