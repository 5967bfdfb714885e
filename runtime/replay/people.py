"""Names for the passengers of the replay, who are not public: common given and family names, combined at random."""

GIVEN_NAMES = (
    "Ana Ben Carla David Elena Femi Grace Hiro Ines Jamal Karin Luis Maya Nadia Omar Paula Quentin Rosa Samir Tara Umar Vera Wei Ximena "
    "Yusuf Zoe Aisha Bruno Chiara Diego Esther Fatima George Hannah Ivan Julia Kenji Leila Marcus Noor Olga Pedro Ravi Sofia Tomas Ursula "
    "Victor Wanda Yara Adam Beatriz Chen Dmitri Emma Felix Gloria Hugo Irene Jonas Kavya Liam Mina Nils Olivia Priya Rafael Selma Theo"
).split()
FAMILY_NAMES = (
    "Adeyemi Bauer Castro Dubois Eriksen Fischer Garcia Haddad Ito Jensen Kowalski Larsen Moreau Nakamura Okafor Pereira Quispe Rossi "
    "Sato Tanaka Usman Vargas Weber Xu Yamada Zhang Anderson Brown Clark Diaz Evans Flores Green Hall Irving Jackson King Lopez Miller "
    "Nguyen Ortiz Patel Quinn Rivera Smith Taylor Underwood Valdez Walker Young Cohen Dvorak Farah Gupta Horvat Ivanov Johansson Khan"
).split()
LANGUAGES = (("en", 0.84), ("es", 0.10), ("fr", 0.03), ("pt", 0.03))
