"""Print the next commands. Do nothing else.

Do not run git here: a commit made by a hook breaks `cruft diff` and `cruft update`.
"""

slug = bytes.fromhex("{{ cookiecutter.project_slug.encode().hex() }}").decode()
folder = f'"{slug}"' if " " in slug else slug

print(f"""
  cd {folder}
  make db
  make run

To keep it in version control: git init && git add . && git commit -m "Start\"""")
