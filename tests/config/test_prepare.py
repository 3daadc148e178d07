"""`manage.py prepare`: it does again only what has to be done again."""

from config.assets import FILES
from config.management.commands import prepare


def test_static_files_are_collected_only_when_one_changed(settings, tmp_path, monkeypatch):
    settings.STATIC_ROOT = tmp_path / "static"
    stylesheet = settings.STATIC_ROOT / FILES[0]

    prepare.Command().collect_static_files()
    assert stylesheet.exists()

    stylesheet.unlink()
    prepare.Command().collect_static_files()
    assert not stylesheet.exists()

    monkeypatch.setattr(prepare, "digest_of_static_files", lambda: "another")
    prepare.Command().collect_static_files()
    assert stylesheet.exists()
