// Comfort on top of pages that work without it: nothing here is needed to buy, to wait or to verify.

const language = document.documentElement.lang || "en";

/** Move to the summary of what went wrong, so that it is read first. */
function focusOnErrors() {
  document.querySelector("[data-focus]")?.focus();
}

/** Buttons that copy a text; hidden where the browser cannot. */
function copyButtons(root) {
  if (!navigator.clipboard) return;
  for (const button of root.querySelectorAll("[data-copy]")) {
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
      } catch {
        return;
      }
      button.textContent = button.dataset.done;
      announce(button.dataset.done);
      setTimeout(() => { button.textContent = label; }, 3000);
    });
  }
}

// Thousands as the server reads them in the language of the page; in all of them also with spaces.
const GROUPED = { en: /^[1-9]\d{0,2}(,\d{3})+$/, es: /^[1-9]\d{0,2}(\.\d{3})+$/ };

/** The price of one unit in an order of so many: of "100:50 500:45" the lowest that it reaches. */
function unitPrice(input, units) {
  const tiers = (input.dataset.tiers ?? "").split(" ").filter(Boolean).map((tier) => tier.split(":").map(Number));
  return Math.min(Number(input.dataset.price), ...tiers.filter(([from]) => units >= from).map(([, price]) => price));
}

/** The amount for the units typed so far, beside the field. The server alone decides what is valid. */
function liveTotals() {
  for (const input of document.querySelectorAll("[data-total]")) {
    const output = document.getElementById(input.dataset.total);
    const format = new Intl.NumberFormat(language, {
      style: "currency", currency: input.dataset.currency, currencyDisplay: "code", useGrouping: "always",
    });
    const digits = format.resolvedOptions().maximumFractionDigits;
    const show = () => {
      let typed = input.value.trim();
      if (/^[1-9]\d{0,2}(\s+\d{3})+$/.test(typed)) typed = typed.replace(/\s/g, "");
      if (GROUPED[language]?.test(typed)) typed = typed.replace(/[.,]/g, "");
      const valid = /^[1-9]\d{0,8}$/.test(typed);
      output.parentElement.hidden = !valid;
      if (valid) output.textContent = format.format((Number(typed) * unitPrice(input, Number(typed))) / 10 ** digits);
    };
    input.addEventListener("input", show);
    show();
  }
}

function announce(text) {
  const place = document.getElementById("announcement");
  if (place) place.textContent = text;
}

/** Put news in place of what is shown, and keep the keyboard where it was. */
function replace(area, html) {
  const focused = area.contains(document.activeElement) ? document.activeElement.id : "";
  const before = area.querySelector("[data-announce]")?.dataset.announce;
  area.innerHTML = html;
  copyButtons(area);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  const now = area.querySelector("[data-announce]")?.dataset.announce;
  if (now && now !== before) announce(now);
}

/** Ask how the order stands, soon at first and then more and more slowly, until nothing more can change. */
function followOrder() {
  const area = document.querySelector("[data-progress]");
  if (!area) return;
  const first = Math.min(Number(area.dataset.seconds), 2);
  let wait = first;
  let shown = "";
  let timer = 0;
  let over = false;

  const ask = async () => {
    try {
      const answer = await fetch(area.dataset.progress, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      if (answer.ok) {
        const html = await answer.text();
        // The form token is a new one each time and no news.
        const news = html.replace(/name="csrf_token" value="[^"]*"/g, "");
        if (news !== shown) replace(area, html);
        wait = news === shown ? Math.min(wait * 1.5, 30) : first;
        shown = news;
        over = answer.headers.get("X-Order-Final") === "yes";
      } else {
        wait = Math.min(wait * 2, 60);
      }
    } catch {
      wait = Math.min(wait * 2, 60);
    }
    plan();
  };
  const plan = () => {
    clearTimeout(timer);
    if (!over && !document.hidden) timer = setTimeout(ask, wait * 1000);
  };
  document.addEventListener("visibilitychange", () => {
    wait = first;
    plan();
  });
  plan();
}

/** Whoever signs out leaves nothing of theirs open in another tab: it asks anew, and is shown the sign-in. */
function leaveEverywhere() {
  const forms = document.querySelectorAll('form[action$="/account/sign-out"]');
  if (!forms.length || !("BroadcastChannel" in window)) return;
  const tabs = new BroadcastChannel("sign-out");
  tabs.addEventListener("message", () => { location.replace(location.pathname + location.search); });
  for (const form of forms) {
    // The page is left when the answer is there, or when there is none.
    form.addEventListener("submit", () => { addEventListener("pagehide", () => { tabs.postMessage(""); }); });
  }
}

focusOnErrors();
copyButtons(document);
liveTotals();
leaveEverywhere();
followOrder();
