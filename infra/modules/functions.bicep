// A Flex Consumption app with the program as its isolated worker. One app to a plan.
param name string
param location string
param tags { *: string }
param identityId string
param identityClientId string
param storageName string

@description('Where the package lies. Two apps may read the same.')
param deployContainer string
param busHost string
param insightsName string

@description('The program\'s own settings.')
param fleetSettings { *: string }

@description('Whether this app takes messages and timers: of several, one does.')
param runTriggers bool
param alwaysReadyInstances int
param instanceMemoryMB int

@description('Empty for no virtual network.')
param subnetId string
param clientCertificates bool

@description('Whether everyone must sign in with Entra first. If not, anyone may ask, and the program judges.')
param requireSignIn bool

@description('The Entra app registration for that. Without one nobody gets in.')
param authClientId string

// What the triggers of functions/Fleet.Functions name between % signs, and their connection.
var triggerSettings = {
  ResultsTopic: 'results'
  RulesSubscription: 'rules'
  SinksSubscription: 'sinks'
  AlertsQueue: 'alerts'
  UpkeepSchedule: '0 * * * * *'
  ServiceBus__fullyQualifiedNamespace: busHost
  ServiceBus__credential: 'managedidentity'
  ServiceBus__clientId: identityClientId
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

var hostSettings = {
  AzureWebJobsStorage__accountName: storageName
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'

  // The host refuses larger bodies with an empty answer, which agents take for success. The program's own limits are lower, and say why.
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '2000000000'
  WEBSITE_USE_PLACEHOLDER_DOTNETISOLATED: '1'
}

var disabled = runTriggers ? {} : {
  'AzureWebJobs.EvaluateRules.Disabled': 'true'
  'AzureWebJobs.ForwardResults.Disabled': 'true'
  'AzureWebJobs.SendAlerts.Disabled': 'true'
  'AzureWebJobs.Upkeep.Disabled': 'true'
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    #disable-next-line BCP037 // Flex Consumption needs it for certificates of its own; Bicep's types lack it.
    siteScopedCertificatesEnabled: true
    clientCertEnabled: clientCertificates
    clientCertMode: 'Optional'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: deployContainer
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        maximumInstanceCount: 40
        instanceMemoryMB: instanceMemoryMB
        alwaysReady: alwaysReadyInstances == 0 ? [] : [
          {
            name: 'http'
            instanceCount: alwaysReadyInstances
          }
        ]
        triggers: {
          http: { perInstanceConcurrency: 100 }
        }
      }
      runtime: { name: 'dotnet-isolated', version: '10.0' }
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'appsettings'
  properties: union(hostSettings, triggerSettings, fleetSettings, disabled)
}

resource authentication 'Microsoft.Web/sites/config@2025-03-01' = if (requireSignIn) {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: authClientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
      }
    }
    login: {
      tokenStore: { enabled: false }
    }
  }
  dependsOn: [settings]
}

output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
