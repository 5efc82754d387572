"""What the shop says about itself in prose: questions and answers, claims, legal texts, contact, complaints."""
