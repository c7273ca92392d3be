// The page behind the links in e-mails: it takes a new password, or asks for a new link.
import { SENTENCES } from "./sentences.js";

const PURPOSES = {
  invitation: "/api/auth/invitations/accept",
  passwordReset: "/api/auth/password-resets/complete",
};
const RESETS = "/api/auth/password-resets";

const purpose = location.pathname.startsWith("/accept-invitation") ? "invitation" : "passwordReset";
const language = navigator.languages.map((each) => each.slice(0, 2)).find((each) => each in SENTENCES) ?? "de";
const sentences = SENTENCES[language];
const element = (id) => document.getElementById(id);
let token = null;

function begin() {
  token = takeToken();
  if (token) show("choice", sentences[purpose].heading, "");
  else if (purpose === "invitation") showLinkIsOver();
  else show("request", sentences.requestHeading, sentences.request);
}

/** The token of the link, which is removed from the address bar and from the history of the browser. */
function takeToken() {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  history.replaceState(null, "", location.pathname);
  return found;
}

function showLinkIsOver() {
  show("request", sentences.overHeading, sentences.over);
}

/** Show one of the forms, or none, below a heading and a message; the heading is read out. */
function show(form, heading, message) {
  document.title = element("heading").textContent = heading;
  element("message").textContent = message;
  for (const each of document.forms) each.hidden = each.id !== form;
  clearProblem();
  element("heading").focus();
}

function clearProblem() {
  element("problem").textContent = "";
  for (const each of document.querySelectorAll("[aria-invalid]")) each.removeAttribute("aria-invalid");
}

function showProblem(input, sentence) {
  element("problem").textContent = sentence;
  input.setAttribute("aria-invalid", "true");
  input.focus();
}

async function choosePassword(input) {
  const answer = await post(PURPOSES[purpose], { token, new_password: input.value });
  if (answer.isDone) {
    token = null;
    input.value = "";
    show(null, sentences.savedHeading, sentences[purpose].saved);
  } else if (answer.fields.includes("token")) showLinkIsOver();
  else showProblem(input, answer.sentence);
}

async function requestLink(input) {
  const answer = await post(RESETS, { email: input.value.trim() });
  if (answer.isDone) show(null, sentences.requestedHeading, sentences.requested);
  else showProblem(input, answer.sentence);
}

/** Whether the request was done; if not, the fields that were refused, and a sentence for people. */
async function post(path, body) {
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
    });
    if (response.ok) return { isDone: true };
    const problem = await response.json();
    const fields = problem.errors.map((each) => each.field);
    return { isDone: false, fields, sentence: sentenceOf(problem, fields, response) };
  } catch {
    return { isDone: false, fields: [], sentence: sentences.unreachable };
  }
}

function sentenceOf(problem, fields, response) {
  if (response.status === 429) return sentences.tooMany(response.headers.get("Retry-After"));
  if (response.status >= 502) return sentences.problems[problem.code] ?? sentences.unreachable;
  return sentences.problems[problem.code] ?? sentences.invalid[fields[0]] ?? sentences.failed(problem.correlation_id);
}

/** Let a form do this with its input, once at a time. */
function onSubmit(form, input, emptySentence, action) {
  element(form).addEventListener("submit", async (event) => {
    event.preventDefault();
    clearProblem();
    if (!element(input).value) return showProblem(element(input), emptySentence);
    const button = event.target.querySelector("button");
    if (button.disabled) return;
    button.disabled = true;
    await action(element(input)).finally(() => (button.disabled = false));
  });
}

document.documentElement.lang = language;
for (const each of document.querySelectorAll("[data-sentence]")) each.textContent = sentences[each.dataset.sentence];
element("is-shown").addEventListener("change", (event) => {
  element("password").type = event.target.checked ? "text" : "password";
});
onSubmit("choice", "password", sentences.emptyPassword, choosePassword);
onSubmit("request", "email", sentences.emptyEmail, requestLink);
addEventListener("hashchange", begin); // another link that is opened in this tab loads no new page
begin();
