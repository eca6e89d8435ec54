// Everything that Fleet needs in a resource group of its own. What can be set is set with 'azd env set': see README.md.
targetScope = 'subscription'

@description('The azd environment: part of the resource group\'s name.')
@minLength(1)
@maxLength(60)
param environmentName string

@description('The region of everything.')
param location string

@description('Who deploys, and may read the first secrets. Empty for nobody.')
param principalId string = ''

@allowed(['User', 'ServicePrincipal', 'Group'])
param principalType string = 'User'

@description('functions: Flex Consumption, which costs next to nothing when idle. container: Container Apps, always on, cheaper for thousands of nodes.')
@allowed(['functions', 'container'])
param host string = 'functions'

@description('The image of infra/Dockerfile, for host container.')
param image string = ''

@description('Where a container runs: Consumption, which bills each request, or a dedicated workload profile, which does not.')
@allowed(['Consumption', 'D4', 'D8', 'D16'])
param containerProfile string = 'D4'

@description('A second app for people, with App Service authentication in front, so that the first one takes agents alone.')
param separateManager bool = false

@description('The Entra app registration that people sign in to, for separateManager.')
param managerClientId string = ''

@description('Instances that are always warm for HTTP. 0: the first request after a pause waits some seconds.')
@minValue(0)
@maxValue(20)
param alwaysReadyInstances int = 0

@allowed([512, 2048, 4096])
param instanceMemoryMB int = 512

@description('A host name whose CNAME and asuid TXT records point here already. Empty for none.')
param customDomain string = ''

@description('Whether the custom domain is bound already: its TLS would be taken off for a while otherwise.')
param domainBound bool = false

@description('Whether the app\'s outgoing calls go through a virtual network.')
param virtualNetwork bool = false

@description('Base64 of a PEM file: the authorities whose client certificates agents may show. Empty: certificates are off.')
param clientAuthorities string = ''

@description('Who gets alarms by email. Empty: alarms are only seen in the portal.')
param alarmEmail string = ''

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var useFunctions = host == 'functions'
var split = useFunctions && separateManager

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  scope: group
  params: {
    name: 'id-fleet-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  params: {
    name: 'fleet-${token}'
    location: location
    tags: tags
    publisherId: identity.outputs.principalId
  }
}

module storage 'modules/storage.bicep' = {
  scope: group
  params: {
    name: 'stfleet${token}'
    location: location
    tags: tags
    writerId: identity.outputs.principalId
  }
}

module bus 'modules/bus.bicep' = {
  scope: group
  params: {
    name: 'sb-fleet-${token}'
    location: location
    tags: tags
    clientId: identity.outputs.principalId
  }
}

module vault 'modules/vault.bicep' = {
  scope: group
  params: {
    name: 'kv-${token}'
    location: location
    tags: tags
    officerId: identity.outputs.principalId
    readerId: principalId
    readerType: principalType
  }
}

module network 'modules/network.bicep' = if (virtualNetwork && useFunctions) {
  scope: group
  params: {
    name: 'vnet-fleet-${token}'
    location: location
    tags: tags
  }
}

// What the program reads: the same for a function app and for a container.
var fleetSettings = {
  Fleet__Storage__TableEndpoint: storage.outputs.tableEndpoint
  Fleet__Storage__BlobEndpoint: storage.outputs.blobEndpoint
  Fleet__Bus__Namespace: bus.outputs.host
  Fleet__Vault__Uri: vault.outputs.uri
  Fleet__Azure__ClientId: identity.outputs.clientId
  Fleet__Certificates__Authorities: empty(clientAuthorities) ? '' : base64ToString(clientAuthorities)
}

module app 'modules/functions.bicep' = if (useFunctions) {
  scope: group
  params: {
    name: 'fleet-${token}'
    location: location
    tags: union(tags, { 'azd-service-name': 'fleet' })
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageName: storage.outputs.name
    deployContainer: storage.outputs.deployContainer
    busHost: bus.outputs.host
    insightsName: monitoring.outputs.insightsName
    fleetSettings: union(fleetSettings, { Fleet__Manager__Enabled: split ? 'false' : 'true' })
    runTriggers: true
    alwaysReadyInstances: alwaysReadyInstances
    instanceMemoryMB: instanceMemoryMB
    subnetId: virtualNetwork ? network!.outputs.subnetId : ''
    clientCertificates: !empty(clientAuthorities)
    requireSignIn: false
    authClientId: ''
  }
}

module manager 'modules/functions.bicep' = if (split) {
  scope: group
  params: {
    name: 'fleet-manager-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageName: storage.outputs.name
    deployContainer: storage.outputs.deployContainer
    busHost: bus.outputs.host
    insightsName: monitoring.outputs.insightsName
    fleetSettings: union(fleetSettings, { Fleet__Agents__Enabled: 'false' })
    runTriggers: false
    alwaysReadyInstances: 0
    instanceMemoryMB: instanceMemoryMB
    subnetId: virtualNetwork ? network!.outputs.subnetId : ''
    clientCertificates: false
    requireSignIn: true
    authClientId: managerClientId
  }
}

module container 'modules/container.bicep' = if (!useFunctions) {
  scope: group
  params: {
    name: 'fleet-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    insightsName: monitoring.outputs.insightsName
    workspaceName: monitoring.outputs.workspaceName
    image: image
    profile: containerProfile
    fleetSettings: fleetSettings
  }
}

module domain 'modules/domain.bicep' = if (useFunctions && !empty(customDomain)) {
  scope: group
  params: {
    appName: app!.outputs.name
    location: location
    tags: tags
    domain: customDomain
    isBound: domainBound
  }
}

module alarms 'modules/alarms.bicep' = {
  scope: group
  params: {
    name: 'fleet-${token}'
    location: location
    tags: tags
    busId: bus.outputs.id
    insightsId: monitoring.outputs.insightsId
    email: alarmEmail
    watchRequests: useFunctions
  }
}

output AZURE_RESOURCE_GROUP string = group.name
output APP_NAME string = useFunctions ? app!.outputs.name : ''
output MANAGER_NAME string = split ? manager!.outputs.name : (useFunctions ? app!.outputs.name : '')
output FLEET_URL string = useFunctions ? (empty(customDomain) ? app!.outputs.url : 'https://${customDomain}') : container!.outputs.url
output MANAGER_URL string = split ? manager!.outputs.url : (useFunctions ? app!.outputs.url : container!.outputs.url)
output VAULT_NAME string = vault.outputs.name
