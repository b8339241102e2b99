"""The core: a mix in, stems out."""
