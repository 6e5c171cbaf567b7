"""What anybody may send, made up at random: by hypothesis in every run, by atheris for as long as somebody likes.

``python -m tests.fuzz TARGET --seconds 600`` runs one target with atheris, which is not among the requirements
(``pip install atheris``). What it finds is kept below ``cases/TARGET`` and tried again in every run.
"""
