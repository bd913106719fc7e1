"""How long the editor's page takes to answer in headless Chromium, by the browser's clock."""

from chromium_page import CANVAS, Tab, wait

# Looks at the image's middle when something is drawn: once before the event, then, after a texture has come, until the
# pixels are others.
_WATCH = (
    f"const canvas = {CANVAS};"
    + """
const [event, ready] = arguments;
const graphics = canvas.getContext('webgl2'), side = 96, different = 2;
let before = null, started = null, arrived = false;
window.clipfaceAnswer = null;
document.addEventListener(event, (e) => { started ??= e.timeStamp; }, {capture: true, once: true});
const prototype = Object.getPrototypeOf(graphics);
graphics.texStorage2D = function (...given) {
  arrived ||= started !== null;
  prototype.texStorage2D.apply(graphics, given);
};
graphics.drawElements = function (...given) {
  prototype.drawElements.apply(graphics, given);
  if (before !== null && !arrived || graphics.getParameter(graphics.FRAMEBUFFER_BINDING) !== null) return;
  const pixels = new Uint8Array(4 * side * side);
  const [x, y] = [(canvas.width - side) / 2, (canvas.height - side) / 2].map(Math.floor);
  graphics.readPixels(x, y, side, side, graphics.RGBA, graphics.UNSIGNED_BYTE, pixels);
  if (before === null) { before = pixels; ready(); return; }
  if (!pixels.some((value, n) => Math.abs(value - before[n]) > different)) return;
  for (const name of ['drawElements', 'texStorage2D']) delete graphics[name];
  window.clipfaceAnswer = performance.now() - started;
};
"""
)


def answer_to_key(tab: Tab, label: str, key: str) -> float:
    """Milliseconds from a key on a slider to other pixels of the image."""
    slider = tab.row(label).find_element("css selector", "[role=slider]")
    tab.driver.execute_async_script(_WATCH, "keydown")
    slider.send_keys(key)
    return _answer(tab)


def answer_to_drag(tab: Tab, pixels: int) -> float:
    """Milliseconds from the pointer's move, with its button held on the image, to other pixels of it."""
    from selenium.webdriver import ActionChains

    canvas = tab.driver.execute_script(f"return {CANVAS}")
    ActionChains(tab.driver).move_to_element(canvas).click_and_hold().perform()
    tab.driver.execute_async_script(_WATCH, "pointermove")
    ActionChains(tab.driver, duration=0).move_by_offset(pixels, 0).perform()
    taken = _answer(tab)
    ActionChains(tab.driver).release().perform()
    return taken


def _answer(tab: Tab) -> float:
    wait(lambda: tab.driver.execute_script("return window.clipfaceAnswer"), "another image", pause=0.01)
    return tab.driver.execute_script("return window.clipfaceAnswer")
