"""Tables in documents, between markers."""


def put(path, name, text):
    """Replace what stands between the two markers of a name in a file."""
    before, begin, rest = path.read_text().partition(f"<!-- {name}: begin -->")
    _, end, after = rest.partition(f"<!-- {name}: end -->")
    if not begin or not end:
        raise SystemExit(f"{path} has no markers for {name!r}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")
