"""The property names of each Graph type, for $select: the contract's, and those Graph is seen to send besides."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


CALENDAR = _names("""
    id allowedOnlineMeetingProviders canEdit canShare canViewPrivateItems changeKey color
    defaultOnlineMeetingProvider hexColor isDefaultCalendar isRemovable isTallyingResponses name owner
""")
EVENT = _names("""
    id categories changeKey createdDateTime lastModifiedDateTime allowNewTimeProposals attendees body bodyPreview
    cancelledOccurrences end hasAttachments hideAttendees iCalUId importance isAllDay isCancelled isDraft
    isOnlineMeeting isOrganizer isReminderOn location locations occurrenceId onlineMeeting onlineMeetingProvider
    onlineMeetingUrl organizer originalEndTimeZone originalStart originalStartTimeZone recurrence
    reminderMinutesBeforeStart responseRequested responseStatus sensitivity seriesMasterId showAs start subject
    transactionId type webLink
""")
GROUP = _names("""
    id deletedDateTime description displayName groupTypes mail mailEnabled membershipRule onPremisesSyncEnabled
    securityEnabled visibility
""")
MEETING = _names("""
    id allowedPresenters audioConferencing creationDateTime endDateTime expiryDateTime externalId
    isEntryExitAnnounced joinMeetingIdSettings joinWebUrl lobbyBypassSettings meetingType participants
    startDateTime subject videoTeleconferenceId
""")
ORGANIZATION = _names("""
    id countryLetterCode displayName onPremisesSyncEnabled preferredLanguage tenantType verifiedDomains
""")
PLACE = _names("""
    id address displayName geoCoordinates isWheelChairAccessible label parentId phone placeId tags
    audioDeviceName bookingType building capacity displayDeviceName emailAddress floorLabel floorNumber nickname
    videoDeviceName
""")
SUBSCRIPTION = _names("""
    id applicationId changeType clientState creatorId encryptionCertificateId expirationDateTime
    includeResourceData latestSupportedTlsVersion lifecycleNotificationUrl notificationQueryOptions
    notificationUrl resource
""")
USER = _names("""
    id deletedDateTime accountEnabled businessPhones companyName createdDateTime department displayName employeeId
    givenName jobTitle mail mailNickname mobilePhone officeLocation onPremisesSyncEnabled otherMails
    preferredLanguage proxyAddresses surname usageLocation userPrincipalName userType
""")
# What Graph gives of a user when $select says nothing: no accountEnabled, no department, no userType.
USER_DEFAULTS = _names("""
    businessPhones displayName givenName id jobTitle mail mobilePhone officeLocation preferredLanguage surname
    userPrincipalName
""")
