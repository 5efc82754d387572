"""Passwords, one-time codes and passkeys: the only code that knows argon2, zxcvbn, pyotp and fido2."""
