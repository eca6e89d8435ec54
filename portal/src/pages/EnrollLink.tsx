import { Title2 } from "@fluentui/react-components";
import { useParams } from "@tanstack/react-router";
import { useEffect } from "react";
import { use } from "../api";
import { Empty, Loading, Section, When } from "../parts/basics";
import { Lacking } from "../shell/Nothing";
import { Setup } from "./parts/Setup";

/** What somebody needs who installs machines, and does not sign in. */
export function EnrollLinkPage() {
  const { token } = useParams({ strict: false }) as { token: string };
  const found = use.useQuery("get", "/enroll-link/{token}", { params: { path: { token } } }, { retry: false, refetchInterval: false });
  useEffect(() => {
    document.title = "Enroll a machine · Fleet";
  }, []);
  return (
    <main className="plainpage">
      <div className="row"><img src="/icon.svg" alt="" width={40} height={40} /><Title2 as="h1">Enroll a machine</Title2></div>
      {found.error ? <Section>{(found.error as { status?: number }).status === 404 ? <Empty title="This link has ended">Whoever gave it to you can make another one.</Empty> : <Lacking of={found.error} what="link" retry={() => void found.refetch()} />}</Section> : !found.data ? <Loading lines={8} /> : (
        <Section>
          <p style={{ margin: 0 }}>These steps make a machine report to <strong>{found.data.setup.address}</strong>. The link is good until <When at={found.data.expiresAt} plain />.</p>
          <Setup setup={found.data.setup} secret={found.data.enrollSecret} />
        </Section>
      )}
    </main>
  );
}
