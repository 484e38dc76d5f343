// The address of the session, seen from the browser: what stands between it and the server may have another name for it.
document.addEventListener("DOMContentLoaded", () => {
  const session = new URL("ws", document.baseURI);
  session.protocol = session.protocol.replace("http", "ws");
  const size = new URLSearchParams(window.location.search).get("fontsize");
  const terminal = document.getElementById("terminal");
  terminal.dataset.sessionWebsocketUrl = session.href;
  if (size && /^[0-9]{1,2}$/.test(size)) terminal.dataset.fontSize = size;
});

// Keys go to the console from the start, without a click; the terminal is there when everybody else's "load" is done.
window.addEventListener("load", () => {
  setTimeout(() => document.querySelector(".xterm-helper-textarea")?.focus(), 0);
});
