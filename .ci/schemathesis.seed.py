"""What there is before schemathesis asks: accounts, a category, books, a school. Prints tokens and an API key as shell variables."""

import json
import os
import urllib.request

URL, PASSWORD = os.environ["BASE_URL"], os.environ["PASSWORD"]


def send(path, body, token=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def register(email):
    body = {"nom": "Élodie", "email": email, "password": PASSWORD, "confirmPassword": PASSWORD}
    return send("/api/clients/register", body)["data"]["token"]


admin = send("/api/clients/login", {"email": os.environ["ADMIN"], "password": PASSWORD})["data"]["token"]
client = register("elodie@example.org")
register(os.environ["LEAVER"])
category = send("/api/categories", {"nom": "Romans policiers", "description": "À gauche"}, admin)["data"]["categorie"]["_id"]
for number in range(5):
    book = {
        "isbn": "", "titre": f"Livre {number}", "auteur": "Albert Camus", "anneePublication": 1942, "editeur": "Gallimard",
        "langue": "français", "quantite": 3, "categorieId": category,
    }
    send("/api/livres", book, admin)
school = send("/v1/institutions", {"name": "Lycée Pasteur", "type": "school"}, admin)["id"]
send("/v1/educators", {"username": "ED0001", "password": "cache-cache", "institution_id": school}, admin)
key = send("/api/admin/api-keys", {"name": "App"}, admin)["data"]["key"]
print(f"ADMIN_TOKEN={admin} CLIENT_TOKEN={client} API_KEY={key}")
