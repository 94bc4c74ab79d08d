"""Does a stored result still hold?"""
