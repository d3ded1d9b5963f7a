from app_pages.shared.wording import text


def test_words_are_never_mark_up():
    assert text("<b>'1' & \"2\"</b>") == "&lt;b&gt;&#x27;1&#x27; &amp; &quot;2&quot;&lt;/b&gt;"
