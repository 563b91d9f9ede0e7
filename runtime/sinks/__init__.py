"""Where results go: lines, videos, a window, webhooks, MQTT, metrics; nothing that recognises."""
