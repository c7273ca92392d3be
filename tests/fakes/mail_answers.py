"""What mail servers really say when they refuse, and whom they speak of.

`recipient`: there is no such address. `letter`: nothing against the address, but not this letter. `later`: not now.
`us`: sender, network, policy, or unknown. `server`: it does not work now.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Meaning = Literal["recipient", "message", "later", "us", "server"]


class Reply(NamedTuple):
    """An answer of a kind of server."""

    by: str
    answer: str
    means: Meaning


TABLE = [
    # There is no such address
    Reply("Postfix", "550 5.1.1 <a@example.org>: Recipient address rejected: User unknown in "
         "local recipient table", "recipient"),
    Reply("Postfix", "550 5.1.1 <a@example.org>: Recipient address rejected: User unknown in "
         "relay recipient table", "recipient"),
    Reply("Postfix", "550 5.1.1 <a@example.org>: Recipient address rejected: User unknown in "
         "virtual mailbox table", "recipient"),
    Reply("Postfix", "550 5.1.1 <policy@spam.example.org>: Recipient address rejected: User unknown", "recipient"),
    Reply("Postfix", "550 <a@example.org>: Recipient address rejected: User unknown in local "
         "recipient table", "recipient"),
    Reply("Postfix", "550 5.1.2 <a@nowhere.example>: Recipient address rejected: Domain not found", "recipient"),
    Reply("Postfix", "501 5.1.3 Bad recipient address syntax", "recipient"),
    Reply("Postfix", "550 5.1.6 <a@example.org>: Recipient address rejected: User has moved to "
         "b@example.org", "recipient"),
    Reply("Exim", "550 No such user here", "recipient"),
    Reply("Exim", "550 Unknown user", "recipient"),
    Reply("Exim", "550-Unknown\r\n550 user", "recipient"),
    Reply("Exim", "550 No Such User Here (a@example.org)", "recipient"),
    Reply("Exim", "550-5.1.1 The mail address\r\n550-5.1.1 does not exist\r\n550 5.1.1 here", "recipient"),
    Reply("Exchange", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient a@example.org not "
         "found by SMTP address lookup", "recipient"),
    Reply("Exchange", "550 5.1.1 User unknown", "recipient"),
    Reply("Google", "550-5.1.1 The email account that you tried to reach does not exist. Please try\r\n"
         "550-5.1.1 double-checking the recipient's email address for typos or\r\n"
         "550-5.1.1 unnecessary spaces. For more information, go to\r\n"
         "550 5.1.1  https://support.google.com/mail/?p=NoSuchUser 4fb4d7f45d1cf-5cbb 123 - gsmtp", "recipient"),
    Reply("T-Online", "550 5.1.1 <a@t-online.example>: user unknown", "recipient"),
    Reply("IONOS", "550 5.1.1 <a@example.org> User does not exist", "recipient"),
    Reply("Strato", "550 5.1.1 User unknown", "recipient"),
    Reply("Sendmail", "550 5.1.1 <a@example.org>... User unknown", "recipient"),
    Reply("Sendmail", "550 5.1.2 <a@nowhere.example>... Host unknown (Name server: "
         "nowhere.example: host not found)", "recipient"),
    Reply("Sendmail", "553 5.1.3 <a@example.org>... User address required", "recipient"),
    Reply("qmail", "550 sorry, no mailbox here by that name. (#5.1.1)", "recipient"),
    Reply("Yahoo", "554 delivery error: dd This user doesn't have a yahoo.example account "
         "(a@yahoo.example) [0]", "recipient"),
    Reply("Domino", "550 5.1.1 a@example.org... User not listed in Domino Directory", "recipient"),
    Reply("mailcow", "550 5.0.0 User unknown", "recipient"),
    Reply("ein deutscher Server", "550 Empfänger unbekannt", "recipient"),
    Reply("ein deutscher Server", "550 Das Postfach existiert nicht", "recipient"),
    Reply("without a word about us", "550 5.1.1 <a@example.org>: Recipient address rejected: "
         "undeliverable address: host mx.example.org said: 550 5.1.1 User unknown "
         "(in reply to RCPT TO command)", "recipient"),
    Reply("without a word about us", "550 5.1.1 Address not found. Please check the recipient "
         "address and try again", "recipient"),
    Reply("without a word about us", "550 Unbekannter Empfänger", "recipient"),
    # Nothing against the address, but not this letter
    Reply("Google", "550-5.2.1 The email account that you tried to reach is inactive. For more\r\n"
         "550 5.2.1 information, go to https://support.google.com/mail/?p=DisabledUser", "message"),
    Reply("Exchange", "550 5.2.1 Mailbox disabled, not accepting messages", "message"),
    Reply("Exchange Online", "550 5.4.1 Recipient address rejected: Access denied. "
         "[AM0EUR02FT018.eop-EUR02.example]", "message"),
    Reply("Postfix", "550 5.4.4 Unable to route: no route to host", "message"),
    Reply("Postfix", "554 5.4.6 Too many hops", "message"),
    Reply("Postfix", "552 5.3.4 Message size exceeds fixed limit", "message"),
    Reply("Exchange", "550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient", "message"),
    Reply("Exim", "552 Message size exceeds maximum permitted", "message"),
    Reply("Exim", "550 Unrouteable address", "message"),
    Reply("GMX, web.de", "550 Requested action not taken: mailbox unavailable", "message"),
    Reply("Postfix", "554 5.6.0 Message content is not acceptable", "message"),
    Reply("Exim", "550 Account is disabled", "message"),
    Reply("Exchange", "550 5.1.4 RESOLVER.ADR.Ambiguous; ambiguous address", "message"),
    # Not now
    Reply("Postfix", "452 4.2.2 <a@example.org>: mailbox full", "later"),
    Reply("Exchange", "552 5.2.2 mailbox full", "later"),
    Reply("Google", "452-4.2.2 The recipient's inbox is out of storage space.\r\n452 4.2.2 Please try again", "later"),
    Reply("Google", "552-5.2.2 The recipient's inbox is out of storage space and "
         "inactive.\r\n552 5.2.2 go to help", "later"),
    Reply("Exim", "552 mailbox is full", "later"),
    Reply("Sendmail", "552 Requested mail action aborted: exceeded storage allocation", "later"),
    Reply("T-Online", "552 Quota exceeded", "later"),
    Reply("ein deutscher Server", "552 Das Postfach des Empfängers ist voll", "later"),
    Reply("postgrey", "450 4.2.0 <a@example.org>: Recipient address rejected: Greylisted, see "
         "http://postgrey.example", "later"),
    Reply("rspamd", "451 4.7.1 Greylisting in action, please come back later", "later"),
    Reply("web.de", "450 Requested mail action not taken: mailbox unavailable - Graylisted", "later"),
    Reply("Postfix", "450 4.1.1 <a@example.org>: Recipient address rejected: unverified address", "later"),
    Reply("Postfix", "450 4.1.2 <a@example.org>: Recipient address rejected: Domain not found", "later"),
    Reply("Google", "450-4.2.1 The user you are trying to contact is receiving mail too "
         "quickly.\r\n450 4.2.1 later", "later"),
    Reply("Exim", "451 Temporary local problem - please try later", "later"),
    Reply("Postfix", "451 4.4.3 temporary name resolution failure", "later"),
    # The server could not look the address up
    Reply("no look-up", "550 LDAP error: user unknown", "later"),
    Reply("no look-up", "550 5.1.1 LDAP lookup failed: no such user", "later"),
    Reply("no look-up", "550 User not found in directory", "later"),
    Reply("no look-up", "550 5.1.1 directory service unavailable, user unknown", "later"),
    Reply("no look-up", "550 resolver: user unknown", "later"),
    Reply("no look-up", "550 5.1.2 DNS timeout: address not found", "later"),
    Reply("no look-up", "550 address lookup: no such user", "later"),
    Reply("no look-up", "550 database error: no such mailbox", "later"),
    Reply("no look-up", "550 5.1.1 User unknown (temporary failure)", "later"),
    Reply("no look-up", "550 Benutzer nicht gefunden: Fehler im Verzeichnisdienst", "later"),
    Reply("no look-up", "550 Datenbank nicht erreichbar, Benutzer unbekannt", "later"),
    Reply("no look-up", "550 5.1.1 Benutzer unbekannt, bitte später versuchen", "later"),
    # Codes that contradict each other
    Reply("contradictory", "450 5.1.1 User unknown", "later"),
    Reply("contradictory", "550 4.1.1 User unknown", "later"),
    Reply("contradictory", "550 5.1.1 mailbox full", "later"),
    Reply("contradictory", "550-5.7.1 blocked\r\n550 5.1.1 User unknown", "us"),
    Reply("contradictory", "550-5.2.1 disabled\r\n550 5.1.1 User unknown", "message"),
    Reply("contradictory", "550 2.1.5 Recipient ok", "us"),
    # Sender, network, policy: us
    Reply("Postfix", "550 5.1.8 <v@agentur.example>: Sender address rejected: Domain not found", "us"),
    Reply("Postfix", "550 5.1.0 <v@agentur.example>: Sender address rejected: User unknown in "
         "local recipient table", "us"),
    Reply("Postfix", "550 5.1.1 <v@agentur.example>: Sender address rejected: User unknown in "
         "virtual mailbox table", "us"),
    Reply("Postfix", "553 5.7.1 <v@agentur.example>: Sender address rejected: not owned by user x", "us"),
    Reply("Postfix", "550 5.1.7 <v@agentur.example>: Sender address rejected: unverified address", "us"),
    Reply("Postfix", "450 4.1.8 <v@agentur.example>: Sender address rejected: Domain not found", "us"),
    Reply("Postfix", "504 5.5.2 <agentur>: Helo command rejected: need fully-qualified hostname", "us"),
    Reply("Postfix", "550 5.7.1 <agentur>: Helo command rejected: Host not found", "us"),
    Reply("Postfix", "554 5.7.1 <a@example.org>: Relay access denied", "us"),
    Reply("Postfix", "454 4.7.1 <a@example.org>: Relay access denied", "us"),
    Reply("Postfix", "554 5.7.1 Service unavailable; Client host [192.0.2.4] blocked using zen.spamhaus.org", "us"),
    Reply("Postfix", "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.4]", "us"),
    Reply("Postfix", "550 5.7.23 <a@example.org>: Recipient address rejected: Message rejected due to: SPF fail", "us"),
    Reply("Postfix", "530 5.7.0 Must issue a STARTTLS command first", "us"),
    Reply("Postfix", "451 4.3.5 Server configuration error", "us"),
    Reply("Postfix", "452 4.3.1 Insufficient system storage", "us"),
    Reply("Postfix", "450 4.7.1 Error: too much mail from 192.0.2.4", "us"),
    Reply("Exim", "550 5.1.1 V@agentur.example: User unknown", "us"),
    Reply("Exim", "550 relay not permitted", "us"),
    Reply("Exim", "550 Administrative prohibition", "us"),
    Reply("Exim", "550-Verification failed for <v@agentur.example>\r\n550-Called: 192.0.2.4\r\n"
         "550-Response: 550 5.1.1 User unknown\r\n550 Sender verify failed", "us"),
    Reply("Exim", "550 Callout verification failed: 550 Access denied - Invalid HELO name", "us"),
    Reply("Exchange", "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", "us"),
    Reply("Exchange", "550 5.7.1 Unable to relay", "us"),
    Reply("Exchange Online", "550 5.7.606 Access denied, banned sending IP [192.0.2.4]", "us"),
    Reply("Exchange Online", "550 5.1.8 Access denied, bad outbound sender", "us"),
    Reply("Exchange Online", "550 5.7.509 Access denied, sending domain does not pass DMARC verification", "us"),
    Reply("Exchange", "535 5.7.3 Authentication unsuccessful", "us"),
    Reply("Google", "550-5.7.26 This mail has been blocked because the sender is "
         "unauthenticated.\r\n550 5.7.26 gsmtp", "us"),
    Reply("Google", "550-5.7.1 Our system has detected an unusual rate of\r\n550 5.7.1 unsolicited mail", "us"),
    Reply("Google", "452 4.5.3 Your message has too many recipients", "us"),
    Reply("GMX, web.de", "554 Transaction failed", "us"),
    Reply("GMX, web.de", "550 Requested action not taken: mailbox unavailable. Sender address is not allowed.", "us"),
    Reply("T-Online", "554 IP=192.0.2.4 - A problem occurred. (Ask your postmaster for help)", "us"),
    Reply("IONOS", "550 5.7.1 Reject due to policy restrictions", "us"),
    Reply("IONOS", "550 Sender address is not allowed.", "us"),
    Reply("Strato", "554 5.7.1 Mail rejected: blacklisted", "us"),
    Reply("Sendmail", "550 5.7.1 <a@example.org>... Relaying denied. Proper authentication required.", "us"),
    Reply("Sendmail", "553 5.1.8 <v@agentur.example>... Domain of sender address does not exist", "us"),
    Reply("qmail", "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", "us"),
    Reply("IronPort", "550 #5.1.0 Address rejected.", "us"),
    Reply("ein deutscher Server", "550 Absender unbekannt", "us"),
    # Words about us beside words that a recipient is unknown by
    Reply("about us", "550 Return path address does not exist", "us"),
    Reply("about us", "550 Return-Path: user unknown", "us"),
    Reply("about us", "550 Unknown user in envelope-from", "us"),
    Reply("about us", "550 5.1.1 Mailbox not found for envelope originator", "us"),
    Reply("about us", "550 originator address unknown", "us"),
    Reply("about us", "550 5.1.1 reverse-path: no such user", "us"),
    Reply("about us", "550 bounce address does not exist", "us"),
    Reply("about us", "550 5.1.3 Invalid address in MAIL FROM", "us"),
    Reply("about us", "550 Mail from: invalid address", "us"),
    Reply("about us", "550 5.1.1 From header: no such mailbox", "us"),
    Reply("about us", "550 MAIL FROM:srs0=ab=example@relay.example: user unknown", "us"),
    Reply("about us", "550 sending user unknown", "us"),
    Reply("about us", "550 5.1.1 submitter: unknown user", "us"),
    Reply("about us", "550 client address unknown", "us"),
    Reply("about us", "550 source address not found", "us"),
    Reply("about us", "550 Callback verify failed: no such address", "us"),
    Reply("about us", "550 callout verification: no such user", "us"),
    Reply("about us", "550 5.1.1 call-back failed, user unknown", "us"),
    Reply("about us", "550 Versender unbekannt: Adresse nicht gefunden", "us"),
    Reply("about us", "550 Adresse des Versenders existiert nicht", "us"),
    Reply("about us", "550 Senderadresse: Benutzer unbekannt", "us"),
    Reply("about us", "550 5.1.1 Rücksendeadresse: Postfach existiert nicht", "us"),
    Reply("about us", "550 Rueckadresse unbekannt: Adresse nicht gefunden", "us"),
    Reply("about us", "550 Einlieferer: Benutzer unbekannt", "us"),
    Reply("about us", "550 Benutzer unbekannt: Anmeldung erforderlich", "us"),
    Reply("about us", "550 Benutzer unbekannt oder Passwort falsch", "us"),
    Reply("about us", "550 Benutzer nicht gefunden, bitte Zugangsdaten prüfen", "us"),
    Reply("about us", "550 Unbekannter Benutzer: keine Berechtigung", "us"),
    Reply("about us", "550 Ihre Adresse existiert nicht", "us"),
    Reply("about us", "550 Ihr Postfach existiert nicht", "us"),
    Reply("about us", "550 SASL login user unknown", "us"),
    Reply("about us", "550 No account with us; please sign in", "us"),
    Reply("about us", "550 invalid user credentials", "us"),
    Reply("about us", "550 5.1.1 unknown user or wrong password", "us"),
    Reply("about us", "550 unknown user, not logged in", "us"),
    Reply("about us", "550 No such user - your account is not allowed to send", "us"),
    Reply("about us", "550 5.1.1 your e-mail address does not exist", "us"),
    Reply("nobody knows", "550 no", "us"),
    Reply("nobody knows", "599 5.9.9 ???", "us"),
    Reply("nobody knows", "550", "us"),
    Reply("rspamd", "554 5.7.1 Spam message rejected", "us"),
    # The server itself
    Reply("Postfix", "421 4.3.2 Service shutting down", "server"),
    Reply("Google", "421-4.7.28 Our system has detected an unusual rate\r\n421 4.7.28 of mail", "server"),
    Reply("Exim", "421 too many connections", "server"),
]  # fmt: skip
