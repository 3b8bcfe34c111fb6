import { defineConfig, type Plugin } from "vite";

/**
 * The page inside the vSphere Client loads the Client's own SDK before anything else, from the
 * vCenter that serves it. It is no part of this bundle, so the tag is added after bundling.
 */
const clientSdk: Plugin = {
  name: "client-sdk",
  transformIndexHtml: {
    order: "post",
    handler: (_html, context) =>
      context.path.endsWith("/plugin.html")
        ? [{ tag: "script", attrs: { src: "/api/ui/htmlClientSdk.js" }, injectTo: "head-prepend" }]
        : [],
  },
};

export default defineConfig({
  // Inside the vSphere Client the pages live below a path that only vCenter's proxy knows.
  base: "./",
  plugins: [clientSdk],
  build: {
    outDir: "../vsphere_market/service/console",
    emptyOutDir: true,
    target: "es2022",
    // A policy of `default-src 'none'` lets no data: URL in.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    reportCompressedSize: false,
    rolldownOptions: {
      input: ["index.html", "plugin.html"],
      output: {
        entryFileNames: "assets/[name]-[hash].js",
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
  },
});
