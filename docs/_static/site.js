// What the theme leaves out, for those who use a keyboard or a screen reader.
addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("p.caption[role=heading]").forEach((caption) => caption.setAttribute("aria-level", "2"));

  // The Tab key must reach a box that scrolls sideways, and need not stop at one that does not.
  const boxes = new ResizeObserver((changes) => {
    for (const { target } of changes) {
      if (target.scrollWidth > target.clientWidth) target.setAttribute("tabindex", "0");
      else target.removeAttribute("tabindex");
    }
  });
  document.querySelectorAll("pre, .table-wrapper, p:has(> img)").forEach((box) => boxes.observe(box));
});
