"""`make postman`: a Postman collection (v2.1) and an environment, from the OpenAPI documents of all services.

Our own generator, for three reasons: the npm package `openapi-to-postmanv2` needs Node, which nothing else here does;
it invents keys, purposes and ids that our services refuse or that are the same in every request (it has no
`{{$guid}}`); and it reads one document at a time, so folders, sign-in and the ids that one service's answer gives to
the next would be ours all the same. What is left of it is a mapping of some dozen fields.
"""
