"""Users, groups, organization and domains: https://learn.microsoft.com/graph/api/resources/users."""

from typing import Any

from flask import request

from ..people import Person, Room
from . import people, properties
from .graph import Call, GraphError, body, context, operation
from .paging import directory_list, one_item
from .people import Other, TenantGroup, object_id

MEMBERS = properties.GROUP | properties.USER
CREATED = "2025-06-01T08:00:00Z"


def user_json(one: Person | Room | Other) -> dict[str, Any]:
    """Every property of an account. Rooms and shared mailboxes are disabled accounts; guests are users too."""
    person = isinstance(one, Person)
    upn = one.upn if isinstance(one, Other) else one.email
    mail = one.mail if isinstance(one, Other) else one.email
    aliases = one.aliases if person else []
    return {
        "id": object_id(one.id),
        "deletedDateTime": None,
        "accountEnabled": one.enabled if isinstance(one, Other) else person and not one.suspended,
        "businessPhones": [],
        "companyName": None,
        "createdDateTime": CREATED,
        "department": (one.department or None) if person else None,
        "displayName": one.name,
        "employeeId": one.id if person else None,
        "givenName": one.given_name if person else None,
        "jobTitle": None,
        "mail": mail,
        "mailNickname": upn.partition("@")[0],
        "mobilePhone": None,
        "officeLocation": None,
        "onPremisesSyncEnabled": None,
        "otherMails": [],
        "preferredLanguage": None,
        "proxyAddresses": [f"SMTP:{mail}", *(f"smtp:{alias}" for alias in aliases)],
        "surname": one.family_name if person else None,
        "usageLocation": None,
        "userPrincipalName": upn,
        "userType": one.user_type if isinstance(one, Other) else "Member",
    }


def group_json(group: TenantGroup) -> dict[str, Any]:
    """Every property of a group: all are mail-enabled security groups."""
    return {
        "id": group.id,
        "deletedDateTime": None,
        "description": None,
        "displayName": group.name,
        "groupTypes": [],
        "mail": group.mail,
        "mailEnabled": True,
        "membershipRule": None,
        "onPremisesSyncEnabled": None,
        "securityEnabled": True,
        "visibility": None,
    }


def _only_defaults(user: dict[str, Any]) -> dict[str, Any]:
    return {name: user[name] for name in properties.USER_DEFAULTS}


def find_user(call: Call, user_id: str) -> Person | Room | Other:
    """The account with this object id or principal name. Raises GraphError 404."""
    found = people.account(call.world, call.tenant, user_id)
    if found is None:
        raise _not_found(user_id)
    return found


def _not_found(what: str) -> GraphError:
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{what}' does not exist or one of its queried reference-property objects are not present.",
    )


@operation("users.list")
def list_users(call: Call) -> dict:
    """All accounts of the tenant, guests, rooms and disabled ones included."""
    found = call.shortened(people.accounts(call.world, call.tenant))
    if request.args.get("$select"):
        return directory_list(call, "users", found, user_json, properties.USER)
    answer = directory_list(call, "users", found, user_json, properties.USER)
    answer["value"] = [_only_defaults(one) for one in answer["value"]]
    return answer


@operation("users.get")
def get_user(call: Call, user_id: str) -> dict:
    """One account by object id or principal name."""
    user = user_json(find_user(call, user_id))
    answer = one_item("users/$entity", user, properties.USER)
    if request.args.get("$select"):
        return answer
    return {"@odata.context": answer["@odata.context"], **_only_defaults(answer)}


@operation("users.transitiveMemberOf")
def member_of(call: Call, user_id: str) -> dict:
    """Groups the account is in, directly or by nesting. With User.Read.All alone their names are withheld."""
    account = find_user(call, user_id)
    named = bool(call.roles - {"User.Read.All"} & _group_readers())
    found = [one for one in _groups(call) if account.id in one.everybody()]
    return directory_list(
        call, "directoryObjects", found, lambda group: _member_of_json(group, named), properties.GROUP
    )


def _group_readers() -> set[str]:
    return {"Directory.Read.All", "Group.Read.All", "GroupMember.Read.All", "Directory.ReadWrite.All"}


def _member_of_json(group: TenantGroup, named: bool) -> dict[str, Any]:
    shown = group_json(group)
    if not named:
        shown = {name: value if name == "id" else None for name, value in shown.items()} | {"groupTypes": []}
    return {"@odata.type": "#microsoft.graph.group", **shown}


@operation("users.checkMemberGroups")
def check_member_groups(call: Call, user_id: str) -> dict:
    """Which of up to twenty groups the account is in, nesting counted."""
    account, sent = find_user(call, user_id), body()
    wanted = sent.get("groupIds")
    if set(sent) != {"groupIds"} or not isinstance(wanted, list) or not 1 <= len(wanted) <= 20:
        raise GraphError(400, "Request_BadRequest", "groupIds must hold 1 to 20 ids.")
    groups = {one.id: one for one in _groups(call)}
    found = [one for one in wanted if one in groups and account.id in groups[one].everybody()]
    return {"@odata.context": context("Collection(Edm.String)"), "value": found}


def _groups(call: Call) -> list[TenantGroup]:
    return list(people.tenant_groups(call.world, call.tenant).values())


def _group(call: Call, group_id: str) -> TenantGroup:
    found = people.tenant_groups(call.world, call.tenant).get(group_id.lower())
    if found is None:
        raise _not_found(group_id)
    return found


@operation("groups.list")
def list_groups(call: Call) -> dict:
    """Groups with at least one member of the tenant."""
    return directory_list(call, "groups", _groups(call), group_json, properties.GROUP)


@operation("groups.get")
def get_group(call: Call, group_id: str) -> dict:
    """One group."""
    return one_item("groups/$entity", group_json(_group(call, group_id)), properties.GROUP)


def _member_json(one: Person | TenantGroup) -> dict[str, Any]:
    if isinstance(one, TenantGroup):
        return {"@odata.type": "#microsoft.graph.group", **group_json(one)}
    return {"@odata.type": "#microsoft.graph.user", **_only_defaults(user_json(one))}


@operation("groups.members")
def list_members(call: Call, group_id: str) -> dict:
    """Direct members: people and child groups."""
    group = _group(call, group_id)
    found = [call.world.people[one] for one in group.members]
    children = [one for one in group.children if one.everybody()]
    return directory_list(call, "directoryObjects", [*found, *children], _member_json, MEMBERS)


@operation("groups.transitiveMembers")
def list_transitive_members(call: Call, group_id: str) -> dict:
    """Direct and nested members, each once: people and the nested groups themselves."""
    group = _group(call, group_id)
    found = [call.world.people[one] for one in group.everybody()]
    return directory_list(call, "directoryObjects", [*found, *_nested(group)], _member_json, MEMBERS)


def _nested(group: TenantGroup) -> list[TenantGroup]:
    out = []
    for child in group.children:
        if child.everybody():
            out += [child, *_nested(child)]
    return out


@operation("groups.transitiveMembers.users")
def list_transitive_users(call: Call, group_id: str) -> dict:
    """Direct and nested members that are users. The cast needs ConsistencyLevel and $count."""
    eventual = request.headers.get("ConsistencyLevel") == "eventual" and request.args.get("$count") == "true"
    if not eventual and not request.args.get("$skiptoken"):
        raise GraphError(
            400,
            "Request_UnsupportedQuery",
            "This request needs the header ConsistencyLevel: eventual and $count=true.",
        )
    found = [call.world.people[one] for one in _group(call, group_id).everybody()]
    answer = directory_list(call, "users", found, user_json, properties.USER)
    if not request.args.get("$select"):
        answer["value"] = [_only_defaults(one) for one in answer["value"]]
    return answer


@operation("organization.list")
def list_organization(call: Call) -> dict:
    """The tenant itself, with its verified domains."""
    tenant = call.tenant
    domains = [
        (tenant.domain, True, False),
        (f"{tenant.domain.partition('.')[0]}.onmicrosoft.com", False, True),
    ]
    shown = {
        "id": tenant.id,
        "countryLetterCode": "DE",
        "displayName": tenant.name,
        "onPremisesSyncEnabled": None,
        "preferredLanguage": "en",
        "tenantType": "AAD",
        "verifiedDomains": [
            {
                "capabilities": "Email, OfficeCommunicationsOnline",
                "isDefault": default,
                "isInitial": initial,
                "name": name,
                "type": "Managed",
            }
            for name, default, initial in domains
        ],
    }
    return directory_list(call, "organization", [shown], lambda one: one, properties.ORGANIZATION)


@operation("domains.list")
def list_domains(call: Call) -> dict:
    """The tenant's domains; needs Domain.Read.All, which no registration of the sandbox has."""
    shown = {
        "id": call.tenant.domain,
        "authenticationType": "Managed",
        "isDefault": True,
        "isInitial": False,
        "isRoot": True,
        "isVerified": True,
        "supportedServices": ["Email"],
    }
    return directory_list(call, "domains", [shown], lambda one: one, frozenset(shown))
