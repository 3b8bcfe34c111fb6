import { defineConfig } from "vitest/config";

// The zone and locale of the machine must not decide what a test says.
process.env["TZ"] = "UTC";

export default defineConfig({ test: { include: ["test/**/*.test.ts"] } });
