"""How application secrets are hashed. They are 128 random characters: stretching them would only cost time."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class RandomSecretHasher(PBKDF2PasswordHasher):
    """PBKDF2 with one round, for secrets that nobody could guess anyway; a token call would take 0.3 s else."""

    algorithm = "pbkdf2_sha256_random_secret"
    iterations = 1
