"""What a visitor does, one function per step."""

import re

import numpy as np

MAIN = "[data-testid=stMain]"
NUMBER = re.compile(r"\d")
# Streamlit's own file chooser carries role=presentation and a name; a minor finding that a page cannot change.
STREAMLITS_OWN = ("presentation-role-conflict",)
# Colours that are still fading are not those that a reader sees.
AT_REST = """() => Promise.race([new Promise((late) => setTimeout(late, 1000)), Promise.allSettled(
    document.getAnimations().filter((moving) => moving.playState === "running").map((moving) => moving.finished))])"""
LOOKS = ((False, 1280), (True, 1280), (False, 390))  # dark, width: light, dark, on a phone


def main(page):
    return page.locator(MAIN)


def to_page(page, title, heading=None):
    """Follows the sidebar's link; on a narrow screen the sidebar is opened first."""
    link = page.get_by_test_id("stSidebarNavLink").filter(has_text=title)
    if page.viewport_size["width"] < 700:
        page.get_by_test_id("stExpandSidebarButton").click()
    link.click()
    main(page).get_by_role("heading", name=heading or title, level=1).wait_for()
    close = page.get_by_test_id("stSidebarCollapseButton")
    if page.viewport_size["width"] < 700 and close.is_visible():
        close.get_by_role("button").click()


def upload(page, name, data):
    """Chooses one file, or several that belong together: name and data may be lists."""
    names, contents = (name, data) if isinstance(name, list) else ([name], [data])
    files = [
        {"name": n, "mimeType": "application/octet-stream", "buffer": d} for n, d in zip(names, contents, strict=True)
    ]
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(files)


def give_files(page, label, files):
    """Chooses files in the chooser with this label, once it is there and nothing is computed any more.

    A page on its way may show another chooser until then, and a run that ends replaces the one that takes the files.
    """
    chooser = page.get_by_test_id("stFileUploader").filter(has_text=label)
    at_rest(page)
    chooser.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(files)


def at_rest(page):
    """Waits until nothing is computed and no run of the page is under way: what is pressed before may be replaced."""
    page.get_by_test_id("stProgress").first.wait_for(state="hidden")
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def download(page, name):
    """The bytes behind a download button, pressed once the page is at rest: a run replaces what its buttons stand for."""
    at_rest(page)
    with page.expect_download() as waited:
        main(page).get_by_role("button", name=name, exact=True).click()
    return waited.value.path().read_bytes()


def try_example(page, task=None):
    """From the first page; of the first task, or of the one with this id."""
    key = f".st-key-home-example-{task}" if task else "[class*=st-key-home-example-]"
    main(page).locator(key).first.get_by_role("button").click()
    answered(page)


def answered(page):
    main(page).get_by_role("heading", name="Take it with you").wait_for()


def explained(page):
    """Everything is there: the explanation is made after the answer, and what lies below it moves then."""
    main(page).get_by_role("heading", name="Can this explanation be trusted?").wait_for()
    page.locator("svg.curve").first.wait_for()


def choose(page, label, option):
    """Opens the list with this label and takes an option; once more where a page still on its way closed the list."""
    from playwright.sync_api import TimeoutError as NotThere

    for _ in range(6):
        page.get_by_role("combobox", name=re.compile(label)).click()
        try:
            page.get_by_role("option", name=option).click(timeout=5000)
        except NotThere:
            page.keyboard.press("Escape")
        else:
            return
    raise AssertionError(f"The list {label} did not offer {option}.")


def told(page):
    """All words of the page, those in our own drawings and tables included (`inner_text` does not reach into them)."""
    return page.evaluate(
        """() => {
            const words = (node) => [...(node.shadowRoot ?? node).childNodes].map((child) =>
                child.nodeType === Node.TEXT_NODE ? child.textContent : child.tagName === "STYLE" ? "" : words(child)
            ).join(" ");
            return words(document.querySelector("[data-testid=stMain]"));
        }"""
    )


def headline(page):
    return page.locator(".answer .line").inner_text()


def table(page, name):
    """{row's first cell: its cells} of the table with this column heading."""
    rows = page.locator("table", has=page.get_by_role("columnheader", name=name)).locator("tbody tr")
    cells = [[cell.strip() for cell in row.locator("td").all_inner_texts()] for row in rows.all()]
    return {row[0].split("\n")[0]: row for row in cells}


def violations(page):
    """What axe finds on the page and a page can change, as `rule: element`."""
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate(AT_REST)
    found = Axe().run(page).response["violations"]
    return [
        f"{item['id']}: {node['html'][:160]}"
        for item in found
        if item["id"] not in STREAMLITS_OWN
        for node in item["nodes"]
    ]


def good_in_every_look(page):
    """Asserts that axe finds nothing in light, in dark and on a phone, and that nothing runs off the page's side."""
    from playwright.sync_api import expect

    page.mouse.move(0, 0)  # else a hint of Streamlit's stands open on the button
    page.evaluate("document.activeElement.blur()")
    expect(page.locator("[data-st-overlay-root] > *")).to_have_count(0)
    for dark, width in LOOKS:
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.set_viewport_size({"width": width, "height": 900})
        page.locator(f"#view[data-tone={'dark' if dark else 'light'}]").first.wait_for(state="attached")
        assert violations(page) == []
        assert main(page).evaluate("box => box.scrollWidth - box.clientWidth") <= 0
    page.set_viewport_size({"width": 1280, "height": 900})


def picture(seed=0, size=(600, 800)):
    """PNG of soft coloured blobs: a picture of something else."""
    import io

    from PIL import Image

    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(small).resize(size[::-1], Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


def stored_record(seconds=10):
    """CSV of a simulated sinus rhythm at 60 per minute, as signal.csv has it."""
    from engine.ecg.signal import EcgSignal
    from training.ecg_simulator import EcgProfile, simulate

    samples = simulate(EcgProfile(heart_rate=60), seconds, np.random.default_rng(1)).T.astype(np.float32)
    return EcgSignal(samples, np.ones_like(samples)).to_csv()
