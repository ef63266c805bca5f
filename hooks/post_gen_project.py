"""Says what to type next, and does nothing else."""

import json

slug = json.loads(r""" {{ cookiecutter.project_slug | tojson }} """)
folder = f'"{slug}"' if " " in slug else slug

print(f"""
  cd {folder}
  make db
  make run""")
