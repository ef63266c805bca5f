"""Says what to type next, and does nothing else."""

slug = bytes.fromhex("{{ cookiecutter.project_slug.encode().hex() }}").decode()
folder = f'"{slug}"' if " " in slug else slug

print(f"""
  cd {folder}
  make db
  make run""")
