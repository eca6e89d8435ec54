import { type BrandVariants, createDarkTheme, createLightTheme, teamsHighContrastTheme, type Theme } from "@fluentui/react-components";
import { useSyncExternalStore } from "react";

const brand: BrandVariants = {
  10: "#020504", 20: "#0b1b17", 30: "#0d2e27", 40: "#0d3c33", 50: "#0c4a3f", 60: "#0b594c", 70: "#0a6758", 80: "#0f7665",
  90: "#2a8573", 100: "#419382", 110: "#58a291", 120: "#6fb1a1", 130: "#87c0b2", 140: "#9fcfc3", 150: "#b8ded5", 160: "#d2ede6",
};

const light: Theme = createLightTheme(brand);
const dark: Theme = { ...createDarkTheme(brand), colorBrandForeground1: brand[120], colorBrandForegroundLink: brand[130], colorBrandForegroundLinkHover: brand[140], colorCompoundBrandStroke: brand[120], colorBrandBackground: brand[70], colorBrandBackgroundHover: brand[60], colorBrandForeground2: brand[130] };

const isDark = window.matchMedia("(prefers-color-scheme: dark)");
const isContrast = window.matchMedia("(forced-colors: active), (prefers-contrast: more)");
const isNarrow = window.matchMedia("(max-width: 720px)");

function useMedia(query: MediaQueryList): boolean {
  return useSyncExternalStore(
    (changed) => {
      query.addEventListener("change", changed);
      return () => query.removeEventListener("change", changed);
    },
    () => query.matches,
  );
}

/** What the system asks for: light, dark or high contrast. */
export function useSystemTheme(): { theme: Theme; name: "light" | "dark" | "contrast" } {
  const wantsDark = useMedia(isDark);
  const wantsContrast = useMedia(isContrast);
  if (wantsContrast) return { theme: teamsHighContrastTheme, name: "contrast" };
  return wantsDark ? { theme: dark, name: "dark" } : { theme: light, name: "light" };
}

/** A phone, or a window as narrow as one. */
export const useNarrow = () => useMedia(isNarrow);
