import { Navigate } from "@tanstack/react-router";

/** The sign-in page of somebody who has signed in. */
export const SignedIn = () => <Navigate to="/" replace />;
