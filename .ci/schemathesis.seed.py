"""What there is before schemathesis asks: a client, a category, books, a school; prints an API key as a shell variable."""

import json
import os
import sys
import urllib.request

URL, PASSWORD = os.environ["BASE_URL"], os.environ["PASSWORD"]


def send(path, body, token=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


admin = send("/api/clients/login", {"email": os.environ["ADMIN_EMAIL"], "password": PASSWORD})["data"]["token"]
if "--again" in sys.argv:
    sys.exit()

send("/api/clients/register", {"nom": "Élodie", "email": os.environ["CLIENT_EMAIL"], "password": PASSWORD, "confirmPassword": PASSWORD})
category = send("/api/categories", {"nom": "Romans", "description": "À gauche"}, admin)["data"]["categorie"]["_id"]
for number in range(5):
    book = {
        "isbn": "", "titre": f"Livre {number}", "auteur": "Albert Camus", "anneePublication": 1942, "editeur": "Gallimard",
        "langue": "français", "quantite": 3, "categorieId": category,
    }
    send("/api/livres", book, admin)
school = send("/v1/institutions", {"name": "Lycée Pasteur", "type": "school"}, admin)["id"]
send("/v1/educators", {"username": "ED0001", "password": "cache-cache", "institution_id": school}, admin)
key = send("/api/admin/api-keys", {"name": "App"}, admin)["data"]["key"]
print(f"API_KEY={key}")
