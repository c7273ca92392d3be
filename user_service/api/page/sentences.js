// What the page says, in each language; a code of a problem document has its sentence under `problems`.
export const SENTENCES = {
  de: {
    newPassword: "Neues Passwort",
    passwordHint:
      "Mindestens 12 Zeichen; am besten mehrere Wörter, die nicht zusammengehören, und nichts aus Ihrem Namen oder " +
      "Ihrer E-Mail-Adresse.",
    showPassword: "Passwort anzeigen",
    savePassword: "Passwort speichern",
    email: "Ihre E-Mail-Adresse",
    sendLink: "Neuen Link zusenden",
    invitation: {
      heading: "Ihr Konto: Passwort wählen",
      saved: "Ihr Passwort ist gespeichert. Sie können sich jetzt mit Ihrer E-Mail-Adresse und diesem Passwort anmelden.",
    },
    passwordReset: {
      heading: "Neues Passwort wählen",
      saved:
        "Ihr neues Passwort ist gespeichert, und alle Geräte sind abgemeldet. Sie können sich jetzt mit dem neuen " +
        "Passwort anmelden. Wenn Sie Einmalpasswörter benutzen, brauchen Sie diese weiterhin.",
    },
    savedHeading: "Das hat geklappt",
    requestHeading: "Neues Passwort anfordern",
    request: "Wir senden Ihnen einen Link, mit dem Sie ein neues Passwort wählen können.",
    overHeading: "Dieser Link gilt nicht mehr",
    over:
      "Er wurde schon benutzt, ist abgelaufen oder unvollständig. Wenn Sie Ihr Passwort schon gewählt haben, melden " +
      "Sie sich damit an. Sonst senden wir Ihnen hier einen neuen Link.",
    requestedHeading: "Bitte sehen Sie in Ihr Postfach",
    requested:
      "Wenn es ein Konto mit dieser E-Mail-Adresse gibt, kommt in wenigen Minuten eine E-Mail mit einem Link. Sehen " +
      "Sie auch im Spam-Ordner nach. Diese Seite können Sie schließen.",
    emptyPassword: "Bitte geben Sie ein neues Passwort ein.",
    emptyEmail: "Bitte geben Sie Ihre E-Mail-Adresse ein.",
    tooMany: (seconds) => `Das waren zu viele Versuche. Bitte warten Sie ${seconds} Sekunden und versuchen Sie es noch einmal.`,
    unreachable: "Es kam keine Antwort. Bitte versuchen Sie es in einem Moment noch einmal.",
    failed: (correlationId) =>
      `Das hat nicht geklappt. Bitte versuchen Sie es noch einmal, oder wenden Sie sich an die Verwaltung (${correlationId}).`,
    problems: {
      "password.weak":
        "Dieses Passwort ist zu kurz oder zu leicht zu erraten. Nehmen Sie mindestens 12 Zeichen: am besten mehrere " +
        "Wörter, die nicht zusammengehören, und nichts aus Ihrem Namen oder Ihrer E-Mail-Adresse.",
      "sign_in.elsewhere": "Hier meldet sich niemand mit einem Passwort an. Bitte wenden Sie sich an die Verwaltung.",
      "sign_in.busy": "Im Moment ist zu viel los. Bitte versuchen Sie es in einem Moment noch einmal.",
    },
    invalid: {
      new_password: "Dieses Passwort ist zu lang oder enthält Zeichen, die nicht möglich sind.",
      email: "Das ist keine E-Mail-Adresse.",
    },
  },
  en: {
    newPassword: "New password",
    passwordHint:
      "At least 12 characters; several words that do not belong together are best, and nothing of your name or " +
      "e-mail address.",
    showPassword: "Show password",
    savePassword: "Save password",
    email: "Your e-mail address",
    sendLink: "Send a new link",
    invitation: {
      heading: "Your account: choose a password",
      saved: "Your password is saved. You can now sign in with your e-mail address and this password.",
    },
    passwordReset: {
      heading: "Choose a new password",
      saved:
        "Your new password is saved, and all devices are signed out. You can now sign in with the new password. If you " +
        "use one-time passwords, you still need them.",
    },
    savedHeading: "Done",
    requestHeading: "Ask for a new password",
    request: "We will send you a link with which you can choose a new password.",
    overHeading: "This link is not valid any more",
    over:
      "It was used already, has expired or is incomplete. If you have chosen your password already, sign in with it. " +
      "Otherwise we will send you a new link.",
    requestedHeading: "Please look into your mailbox",
    requested:
      "If an account has this e-mail address, an e-mail with a link will arrive in a few minutes. Please look into the " +
      "spam folder as well. You can close this page.",
    emptyPassword: "Please enter a new password.",
    emptyEmail: "Please enter your e-mail address.",
    tooMany: (seconds) => `These were too many attempts. Please wait ${seconds} seconds and try again.`,
    unreachable: "There was no answer. Please try again in a moment.",
    failed: (correlationId) => `This did not work. Please try again, or ask the administrators (${correlationId}).`,
    problems: {
      "password.weak":
        "This password is too short or easy to guess. Take at least 12 characters: several words that do not belong " +
        "together are best, and nothing of your name or e-mail address.",
      "sign_in.elsewhere": "Nobody signs in with a password here. Please ask the administrators.",
      "sign_in.busy": "Too many people are signing in at this moment. Please try again in a moment.",
    },
    invalid: {
      new_password: "This password is too long or has characters that are not possible.",
      email: "This is not an e-mail address.",
    },
  },
};
