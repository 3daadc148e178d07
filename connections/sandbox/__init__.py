"""The provider sandbox: a separate server that answers over HTTP as Google and Microsoft do."""
