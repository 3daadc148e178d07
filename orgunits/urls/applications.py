"""Addresses of applications."""

unit_urls = []
urls = []
