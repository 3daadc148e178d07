"""Addresses of members, from invitation to removal."""

unit_urls = []
urls = []
