"""Addresses of roles, grants and reviews."""

unit_urls = []
urls = []
