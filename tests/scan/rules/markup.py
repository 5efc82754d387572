def bad(Markup, redirect, request, url_for, name):
    # ruleid: markup-holds-no-text-of-others
    Markup(name)
    # ruleid: markup-holds-no-text-of-others
    Markup(f"<b>{name}</b>")
    # ruleid: markup-holds-no-text-of-others
    Markup("<b>%s</b>" % name)
    # ruleid: redirects-lead-to-our-own-pages
    redirect(request.args.get("next"))
    # ruleid: redirects-lead-to-our-own-pages
    redirect(request.referrer, 303)
    # ruleid: our-address-is-a-setting
    link = "https://" + request.host + "/verify"
    # ruleid: our-address-is-a-setting
    other = url_for("register.verify", _external=True)
    # ruleid: query-and-form-are-not-mixed
    units = request.values.get("units")
    return link, other, units


def good(Markup, redirect, render_template, request, url_for, public_url, name):
    # ok: markup-holds-no-text-of-others
    Markup("<b>{}</b>").format(name)
    # ok: markup-holds-no-text-of-others
    Markup(render_template("content/_proof.html"))
    # ok: redirects-lead-to-our-own-pages
    redirect(url_for("web.home"), 303)
    # ok: our-address-is-a-setting
    link = public_url("register.verify")
    # ok: query-and-form-are-not-mixed
    units = request.form.get("units")
    return link, units
